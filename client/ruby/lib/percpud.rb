# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "logger"
require "percpud/native"
require "percpud/version"
require "percpud/clients"
require "percpud/namespace"
require "percpud/data_store"

# Metrics that all processes of a host share, and that outlive each of them.
#
#     require "percpud"
#
#     shop = Percpud.open("shop")
#     requests = shop.counter("http_requests", help: "Requests.", labels: [:method])
#     requests.labels("get").increment
#
# What is opened works at once and for ever: without a daemon it counts in this process,
# and what it has counted is added to the shared cells when the daemon comes. Everything
# may be used by all threads and after a fork.
#
# Applications that use Prometheus's client need Percpud::DataStore only.
module Percpud
  class << self
    # What is told, once, what keeps metrics in this process. Standard error by default.
    attr_writer :logger

    def logger
      @logger ||= Logger.new($stderr, progname: "percpud")
    end

    # Opens a namespace, which needs no daemon yet.
    #
    # `namespace` is any name or path of at most 255 bytes; without one it is
    # $PERCPUD_NAMESPACE or `default`. `address` is unix:PATH; without one it is
    # $PERCPUD_ADDRESS or that of the packaged daemon. With `slot` this process is named by
    # the least number that no live process of the namespace has, and not by its process id.
    def open(namespace = nil, address: nil, slot: false)
      Namespace.new(Clients.open(namespace, address: address, slot: slot))
    end
  end
end
