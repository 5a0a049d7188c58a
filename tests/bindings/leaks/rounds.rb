# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# usage: rounds.rb ROUNDS
#
# All that the gem does, again and again. What a round has made is dropped at its end.

require "logger"
require "percpud"

Percpud.logger = Logger.new(File::NULL)

# Percpud.open and what it returns.
def count_alone
  shop = Percpud.open("leaks")
  hits = shop.counter("hits", help: "Hits.", labels: [:page], unit: "pages")
  hits.labels("a").increment(2)
  hits.labels(page: "b").increment
  hits.remove("b")
  Percpud::Namespace::FOLDS.each_key do |mode|
    shop.gauge("load_#{mode}", mode: mode, labels: { page: "a" }).set(2)
  end
  shop.histogram("seconds", buckets: [1, 2]).observe(1.5)
  shop.summary("bytes").observe(7)
  shop.counter("hits").increment # in another shape: it is refused, and counts here
  begin
    hits.labels("a").increment("1")
  rescue TypeError
    hits.labels("a").increment(1)
  end
  shop.render(openmetrics: true)
end

# What Prometheus's client does with a data store.
def count_as_before
  store = Percpud::DataStore.new(namespace: "leaks/before")
  { sum: :counter, max: :gauge, all: :gauge, most_recent: :gauge }.each do |mode, type|
    metric = store.for_metric(:"m_#{mode}", metric_type: type, metric_settings: { aggregation: mode })
    labels = { page: "a", code: 200 }
    metric.synchronize { metric.set(labels: labels, val: 3) }
    metric.increment(labels: labels, by: 2) unless mode == :most_recent
    metric.get(labels: labels)
    metric.all_values
  end
  store.render
end

def count_in_a_child
  counter = Percpud.open("leaks/child").counter("hits")
  counter.increment
  Process.wait(fork { counter.increment; exit!(0) })
end

Integer(ARGV.fetch(0)).times do
  count_alone
  count_as_before
  count_in_a_child
  GC.start
end
