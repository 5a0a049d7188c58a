# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "percpud/aggregate"

module Percpud
  # What one metric counts in: Prometheus::Client's interface of a MetricStore. Made by
  # DataStore#for_metric. Thread safe.
  #
  # A histogram or summary of the client is many numbers, each with a label `le` or
  # `quantile`. Here they are parts of one series, if the bounds are known.
  class MetricStore < Native::Store
    # Milliseconds that all_values waits for the daemon's answer.
    WAIT_MS = 1000
    FOLDS = {
      all: Native::FOLD_ALL, min: Native::FOLD_MIN, max: Native::FOLD_MAX, sum: Native::FOLD_SUM,
      most_recent: Native::FOLD_MOST_RECENT
    }.freeze
    private_constant :WAIT_MS, :FOLDS

    attr_reader :metric_name

    def initialize(client, name, type, mode, bounds, help)
      super()
      @client = client
      @metric_name = name
      @mode = mode
      @help = help
      @value_type, @fold = type == :gauge || mode != :sum ? gauge(mode) : [Native::COUNTER, 0]
      @parts = Parts.of(type, bounds) if mode == :sum
      @families = {}
      @opened = {}
      @opening = Mutex.new
    end

    def set(labels:, val:)
      put(labels, val)
    end

    def increment(labels:, by: 1)
      if @mode == :most_recent
        raise DataStore::InvalidStoreSettingsError,
              "#{@metric_name} is most_recent: it is set, and not incremented or decremented"
      end
      add(labels, by)
    end

    def get(labels:)
      read(labels)
    end

    # Returns what all processes have counted, by label sets; 0.0 for others. Without a
    # daemon it is what this process has.
    def all_values
      unless DataStore::AGGREGATION_MODES.include?(@mode)
        raise DataStore::InvalidStoreSettingsError, "there is no aggregation #{@mode}"
      end
      flush
      out = Aggregate.new(@mode, @value_type == Native::GAUGE)
      @client.collect(@metric_name, WAIT_MS).each { |family| take(out, *family) }
      known.each do |labels, writer, number|
        out.local(labels, writer, number.total) unless number.shared?
      end
      out.values
    end

    private

    def gauge(mode)
      [Native::GAUGE, FOLDS.fetch(mode, Native::FOLD_SUM)]
    end

    # Called for label sets that were not seen before.
    def open(labels, writer)
      labels = labels.sort.to_h.transform_values { |value| Text.of(value) }
      @opening.synchronize do
        @opened[[labels, writer]] ||= part(labels, writer) || value(labels, writer)
      end
    end

    def value(labels, writer)
      Native::Value.new(family(@value_type, labels.keys), labels.values, writer)
    end

    def part(labels, writer)
      number = @parts&.number(labels) or return nil
      labels = labels.reject { |name, _| name == @parts.label }
      whole = @opened[[labels, writer, @parts]] ||=
        Native::Distribution.new(family(@parts.type, labels.keys), labels.values)
      whole.part(number)
    end

    def family(type, names)
      is_value = type == @value_type
      @families[[type, names]] ||=
        Native::Family.new(@client, @metric_name, type, @help, names.map(&:to_s),
                           is_value ? @fold : 0, 0, is_value ? [] : @parts.bounds, nil)
    end

    # Takes what was read of a family of this name, if it is of this shape.
    def take(out, type, fold, names, bounds, series)
      if type == @parts&.type
        keys = @parts.keys(bounds)
        series.each do |values, sum, count, buckets|
          out.distribution(names.zip(values).to_h, @parts.label, keys,
                           [*(buckets.empty? ? [count] : buckets), sum])
        end
      elsif type == @value_type && fold == @fold
        series.each do |values, value, _, _, writers, is_set|
          out.value(names.zip(values).to_h, value, writers) if is_set
        end
      end
    end
  end
end
