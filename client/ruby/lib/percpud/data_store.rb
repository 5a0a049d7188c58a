# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "digest"
require "fileutils"
require "percpud/making"
require "percpud/metric_store"

module Percpud
  # A data store for Prometheus's client that all processes of an application share:
  #
  #     Prometheus::Client.config.data_store = Percpud::DataStore.new(namespace: "shop")
  #
  # Settings of a metric are those of its DirectFileStore. Thread safe.
  class DataStore
    class InvalidStoreSettingsError < StandardError; end

    AGGREGATION_MODES = [MAX = :max, MIN = :min, SUM = :sum, ALL = :all,
                         MOST_RECENT = :most_recent].freeze
    DEFAULT_METRIC_SETTINGS = { aggregation: SUM }.freeze
    DEFAULT_GAUGE_SETTINGS = { aggregation: ALL }.freeze

    # Bytes of a namespace's name.
    LONGEST = 255
    # In a directory that was given: who finds it missing starts over.
    MARK = "percpud.bin"
    private_constant :LONGEST, :MARK

    # `namespace` is whose metrics these are; without one it is $PERCPUD_NAMESPACE, else the
    # real path of `dir`, else `default`. `dir` is DirectFileStore's: an application that
    # empties it before it starts counts from 0. `address` and `slot` are those of
    # Percpud.open; with `slot` the label `pid` of gauges has few values.
    def initialize(namespace: nil, dir: nil, address: nil, slot: false)
      namespace ||= ENV["PERCPUD_NAMESPACE"] || (dir && of_path(dir))
      @client = Clients.open(namespace, address: address, slot: slot)
      @stores = {}
      @making = Mutex.new
      Making.install
      reset if dir && missing?(dir)
    end

    # Returns what a metric counts in: the same for the same metric.
    def for_metric(metric_name, metric_type:, metric_settings: {})
      Making.install
      defaults = metric_type == :gauge ? DEFAULT_GAUGE_SETTINGS : DEFAULT_METRIC_SETTINGS
      settings = defaults.merge(metric_settings)
      validate_metric_settings(metric_type, settings)
      made = Making.of(metric_name)
      key = [metric_name.to_s, metric_type, settings[:aggregation], made&.bounds]
      @making.synchronize { @stores[key] ||= MetricStore.new(@client, *key, made&.help) }
    end

    # Returns what all metrics show, as Prometheus reads it: the same as its client's Text
    # format, in one step. Raises Percpud::Error if the daemon does not answer in time.
    def render(openmetrics: false, wait_ms: 1000)
      @client.render(openmetrics ? Native::OPENMETRICS : Native::TEXT, wait_ms)
    end

    # Has everything count from 0, for all processes. Returns whether the daemon has done it;
    # the logger is told why not.
    def reset(wait_ms: 1000)
      @client.reset(wait_ms)
      true
    rescue Error => e
      Percpud.logger.warn("metrics go on from what they were: #{e.message}")
      false
    end

    private

    def validate_metric_settings(metric_type, settings)
      unless AGGREGATION_MODES.include?(settings[:aggregation])
        raise InvalidStoreSettingsError,
              "aggregation is one of #{AGGREGATION_MODES.join(", ")}, not #{settings[:aggregation]}"
      end
      others = settings.keys - [:aggregation]
      unless others.empty?
        raise InvalidStoreSettingsError, "aggregation is the only setting, not #{others.join(", ")}"
      end
      return if settings[:aggregation] != MOST_RECENT || metric_type == :gauge

      raise InvalidStoreSettingsError, "aggregation most_recent is for gauges, not #{metric_type}s"
    end

    # The directory's real path or, if that is too long, as much of its end as there is room
    # for and a hash of all of it.
    def of_path(dir)
      make(dir)
      path = File.realdirpath(dir)
      return path if path.bytesize <= LONGEST

      digest = Digest::SHA256.hexdigest(path)
      "#{path.byteslice(-(LONGEST - digest.size - 1)..).scrub("")}##{digest}"
    end

    # Of processes that come at once, one finds it missing.
    def missing?(dir)
      make(dir)
      File.open(File.join(dir, MARK), File::CREAT | File::EXCL | File::WRONLY).close
      true
    rescue SystemCallError
      false
    end

    def make(dir)
      FileUtils.mkdir_p(dir)
    rescue SystemCallError
      nil
    end
  end
end
