# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module Percpud
  # The numbers of a histogram or summary: which label names them, and what it says.
  class Parts
    INFINITE = "+Inf"
    SUM = "sum"
    COUNT = "count"
    private_constant :INFINITE, :SUM, :COUNT

    # Returns the parts of a metric of that type; nil if it has none, or if they are not
    # known.
    def self.of(type, bounds)
      return new(Native::SUMMARY, :quantile, [], [COUNT]) if type == :summary
      return nil unless type == :histogram && bounds

      new(Native::HISTOGRAM, :le, bounds.map(&:to_f), [*bounds.map(&:to_s), INFINITE])
    end

    attr_reader :type, :label, :bounds

    def initialize(type, label, bounds, buckets)
      @type = type
      @label = label
      @bounds = bounds
      @keys = [*buckets, SUM].freeze
      @numbers = buckets.each_with_index.to_h.merge(SUM => -1)
    end

    # Returns the number of the bucket that the labels name, -1 for the sum, nil for neither.
    def number(labels)
      @numbers[labels[@label]]
    end

    # Returns what the label says of each bucket, and of the sum.
    def keys(bounds)
      bounds == @bounds ? @keys : [*bounds.map(&:to_s), INFINITE, SUM]
    end
  end
  private_constant :Parts

  # Text as the daemon takes it.
  module Text
    def self.of(value)
      text = value.encoding == Encoding::UTF_8 ? value : value.dup.force_encoding(Encoding::UTF_8)
      text = text.scrub unless text.valid_encoding?
      text.include?("\0") ? text.delete("\0") : text
    end
  end
  private_constant :Text

  # What a metric comes to, as all_values returns it.
  class Aggregate
    attr_reader :values

    def initialize(mode, is_gauge)
      @mode = mode
      @is_gauge = is_gauge
      @values = Hash.new(0.0)
      # Label sets of which this process alone knows.
      @local = {}
    end

    # Takes a counter or gauge of all processes.
    def value(labels, value, writers)
      return @values[sorted(labels)] = value unless @mode == :all

      writers.each { |label, each| @values[sorted(labels.merge(pid: label))] = each }
    end

    # Takes a histogram or summary of all processes: a number for each key.
    def distribution(labels, label, keys, numbers)
      keys.zip(numbers) { |key, each| @values[sorted(labels.merge(label => key))] = each.to_f }
    end

    # Takes a number that is not shared.
    def local(labels, writer, value)
      labels = labels.merge(pid: writer || Process.pid.to_s) if @mode == :all
      labels = sorted(labels)
      return if @values.key?(labels) && !@local.key?(labels)

      @values[labels] = @local.key?(labels) ? fold(@values[labels], value) : value
      @local[labels] = true
    end

    private

    def sorted(labels)
      labels.size < 2 ? labels : labels.sort.to_h
    end

    # Several writers of a process have a gauge each; their counters are one number.
    def fold(one, other)
      case @mode
      when :max then [one, other].max
      when :min then [one, other].min
      when :sum then @is_gauge ? one + other : other
      else other
      end
    end
  end
  private_constant :Aggregate
end
