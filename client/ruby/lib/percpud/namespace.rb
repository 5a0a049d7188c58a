# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module Percpud
  # The metrics of one application. Made by Percpud.open. Thread safe.
  class Namespace
    # What prometheus's clients have.
    BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10].freeze
    # What a gauge shows of the values that many processes have set.
    FOLDS = {
      all: Native::FOLD_ALL, min: Native::FOLD_MIN, max: Native::FOLD_MAX, sum: Native::FOLD_SUM,
      most_recent: Native::FOLD_MOST_RECENT, shared: Native::FOLD_SHARED
    }.freeze

    def initialize(client)
      @client = client
    end

    # Opens a counter: `increment(by = 1)`.
    #
    # With label names it is a Metric, whose `labels(...)` are counters; with a Hash of
    # label names to values it is that one counter. The amounts are floats.
    def counter(name, help: nil, labels: [], unit: nil)
      open(name, Native::COUNTER, Native::Value, help: help, labels: labels, unit: unit)
    end

    # Opens a gauge: `set(value)`, `increment(by = 1)` and `decrement(by = 1)`.
    #
    # `mode` says what is shown of the values that many processes have set: `:all` (with a
    # label `pid`), `:min`, `:max`, `:sum`, `:most_recent` or `:shared` (one value for all). With
    # `live` what a process has set goes when it dies.
    def gauge(name, help: nil, labels: [], mode: :all, live: false, unit: nil)
      fold = FOLDS.fetch(mode) { raise ArgumentError, "there is no such mode of a gauge: #{mode}" }
      raise ArgumentError, "a shared gauge belongs to no process" if live && mode == :shared

      open(name, Native::GAUGE, Native::Value, help: help, labels: labels, unit: unit, fold: fold,
                                               flags: live ? Native::LIVE_ONLY : 0)
    end

    # Opens a histogram: `observe(value)`. `buckets` are rising upper bounds.
    def histogram(name, help: nil, labels: [], buckets: BUCKETS, unit: nil)
      open(name, Native::HISTOGRAM, Native::Distribution, help: help, labels: labels, unit: unit,
                                                          bounds: buckets)
    end

    # Opens a summary: `observe(value)`. It has a count and a sum, and no quantiles.
    def summary(name, help: nil, labels: [], unit: nil)
      open(name, Native::SUMMARY, Native::Distribution, help: help, labels: labels, unit: unit)
    end

    # Whether a daemon has admitted this process.
    def attached?
      @client.attached?
    end

    # Waits until all that is open is shared, and returns whether it is.
    def wait(seconds)
      @client.wait((seconds * 1000).to_i)
    end

    # Returns what the namespace shows, of all processes, as Prometheus reads it. Raises
    # Percpud::Error if the daemon does not answer in time.
    def render(openmetrics: false, wait_ms: 1000)
      @client.render(openmetrics ? Native::OPENMETRICS : Native::TEXT, wait_ms)
    end

    # Begins a new generation: everything counts from 0, and families may have another
    # shape. Returns its number. Raises Percpud::Error if the daemon does not do it.
    def reset(wait_ms: 1000)
      @client.reset(wait_ms)
    end

    private

    def open(name, type, kind, help:, labels:, unit:, fold: 0, flags: 0, bounds: [])
      names = (labels.respond_to?(:keys) ? labels.keys : labels).map(&:to_s)
      family = Native::Family.new(@client, name.to_s, type, help, names, fold, flags, bounds, unit)
      metric = Metric.new(family, names, kind)
      return metric if labels.is_a?(Array) && !names.empty?

      metric.labels(*(labels.is_a?(Hash) ? labels.values : []))
    end
  end

  # A family with labels. Thread safe.
  class Metric
    def initialize(family, names, kind)
      @family = family
      @names = names
      @kind = kind
      @series = {}
      @opening = Mutex.new
    end

    # Returns the series with these label values, by their order or by name.
    def labels(*values, **named)
      key = (named.empty? ? values : ordered(values, named)).map(&:to_s)
      @series[key] || @opening.synchronize { @series[key] ||= make(key) }
    end

    # Takes the series with these label values away, for all processes. It is shown again,
    # from 0, when it is updated again. Raises Percpud::Error if the daemon does not do it.
    def remove(*values, wait_ms: 1000)
      key = values.map(&:to_s)
      @series.delete(key)
      @family.remove(key, wait_ms)
    end

    # Takes all series away, for all processes. Returns how many there were.
    def clear(wait_ms: 1000)
      @series.clear
      @family.remove(nil, wait_ms)
    end

    private

    def ordered(values, named)
      named = named.transform_keys(&:to_s)
      unless values.empty? && named.size == @names.size && @names.all? { |name| named.key?(name) }
        raise ArgumentError, "there is one value for each label: #{@names.join(", ")}"
      end
      named.values_at(*@names)
    end

    def make(key)
      @kind == Native::Value ? @kind.new(@family, key, nil) : @kind.new(@family, key)
    end
  end
end
