# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# A stand-in for Prometheus's client for Ruby, which Debian does not have: what its metrics
# ask of a data store, in the same order and under the same names, and no more.

module Prometheus
  module Client
    Config = Struct.new(:data_store)

    def self.config
      @config ||= Config.new
    end

    # What all types have in common.
    class Metric
      attr_reader :name, :docstring

      def initialize(name, docstring:, labels: [], store_settings: {})
        @name = name
        @docstring = docstring
        @store = Client.config.data_store.for_metric(name, metric_type: type,
                                                           metric_settings: store_settings)
        init_label_set({}) if labels.empty?
      end

      def get(labels: {})
        @store.get(labels: labels)
      end

      def values
        @store.all_values
      end

      def init_label_set(labels)
        @store.set(labels: labels, val: 0)
      end
    end

    class Counter < Metric
      def type
        :counter
      end

      def increment(by: 1, labels: {})
        @store.increment(labels: labels, by: by)
      end
    end

    class Gauge < Metric
      def type
        :gauge
      end

      def set(value, labels: {})
        @store.set(labels: labels, val: value)
      end

      def increment(by: 1, labels: {})
        @store.increment(labels: labels, by: by)
      end

      def decrement(by: 1, labels: {})
        @store.increment(labels: labels, by: -by)
      end
    end

    # Counts an observation in the first bucket that holds it, and adds up when it is read.
    class Histogram < Metric
      attr_reader :buckets

      def initialize(name, docstring:, labels: [], buckets: [0.1, 1, 10], store_settings: {})
        @buckets = buckets
        super(name, docstring: docstring, labels: labels, store_settings: store_settings)
      end

      def type
        :histogram
      end

      def observe(value, labels: {})
        bucket = buckets.find { |bound| value <= bound } || "+Inf"
        @store.synchronize do
          @store.increment(labels: labels.merge(le: bucket.to_s), by: 1)
          @store.increment(labels: labels.merge(le: "sum"), by: value)
        end
      end

      def get(labels: {})
        @store.synchronize do
          cumulative(keys.to_h { |key| [key, @store.get(labels: labels.merge(le: key))] })
        end
      end

      def values
        found = @store.all_values.each_with_object({}) do |(labels, value), all|
          own = labels.reject { |name, _| name == :le }
          (all[own] ||= keys.to_h { |key| [key, 0.0] })[labels[:le]] = value
        end
        found.transform_values { |each| cumulative(each) }
      end

      def init_label_set(labels)
        @store.synchronize do
          keys.each { |key| @store.set(labels: labels.merge(le: key), val: 0) }
        end
      end

      private

      def keys
        [*buckets.map(&:to_s), "+Inf", "sum"]
      end

      def cumulative(found)
        below = 0.0
        found.to_h { |key, value| [key, key == "sum" ? value : (below += value)] }
      end
    end

    class Summary < Metric
      def type
        :summary
      end

      def observe(value, labels: {})
        @store.synchronize do
          @store.increment(labels: labels.merge(quantile: "count"), by: 1)
          @store.increment(labels: labels.merge(quantile: "sum"), by: value)
        end
      end

      def get(labels: {})
        %w[count sum].to_h { |key| [key, @store.get(labels: labels.merge(quantile: key))] }
      end

      def init_label_set(labels)
        @store.synchronize do
          %w[count sum].each { |key| @store.set(labels: labels.merge(quantile: key), val: 0) }
        end
      end
    end
  end
end
