# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# An application as prefork servers run it: /metrics, and everything else is a request.

require "percpud"
require_relative "prometheus"

Prometheus::Client.config.data_store = STORE = Percpud::DataStore.new(namespace: "shop")

REQUESTS = Prometheus::Client::Counter.new(:shop_requests, docstring: "Requests that were begun.",
                                                           labels: [:path])
SECONDS = Prometheus::Client::Histogram.new(:shop_seconds, docstring: "How long requests took.")
WORKERS = Prometheus::Client::Gauge.new(:shop_workers, docstring: "One for each worker.",
                                                       store_settings: { aggregation: :max })

# Workers inherit what their parent has opened, and count there without a daemon too.
REQUESTS.init_label_set({ path: "/buy" })

# Returns what all workers have counted or, as a comment, why nobody can say.
def page
  STORE.render
rescue Percpud::Error => e
  "# #{e.message}\n"
end

run(lambda do |environment|
  path = environment["PATH_INFO"]
  next [200, { "Content-Type" => "text/plain" }, [page]] if path == "/metrics"

  REQUESTS.increment(labels: { path: path })
  SECONDS.observe(1.0)
  WORKERS.set(1)
  [200, { "Content-Type" => "text/plain" }, [Process.pid.to_s]]
end)
