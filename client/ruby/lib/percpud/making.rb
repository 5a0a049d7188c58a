# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module Percpud
  # What a metric of Prometheus's client is while it is being made: the client tells a data
  # store its name, type and settings alone. Prepended to Prometheus::Client::Metric.
  module Making
    # `bounds` are the buckets of a histogram as they were given; nil of others, and if
    # they are not finite and rising.
    Described = Struct.new(:help, :bounds)

    KEY = :percpud_metric
    private_constant :KEY

    def initialize(...)
      before = Thread.current[KEY]
      Thread.current[KEY] = self
      super
    ensure
      Thread.current[KEY] = before
    end

    class << self
      # Begins to watch, once there is a client to watch.
      def install
        return if @installed || !defined?(Prometheus::Client::Metric)

        Prometheus::Client::Metric.prepend(self)
        @installed = true
      end

      # Returns the metric of that name that this thread is making, if it is.
      def of(name)
        metric = Thread.current[KEY]
        return nil if metric.nil? || metric.name.to_s != name.to_s

        Described.new(metric.docstring.to_s, bounds_of(metric))
      end

      private

      def bounds_of(metric)
        return nil unless metric.type == :histogram && metric.respond_to?(:buckets)

        bounds = metric.buckets
        sound = bounds.all? { |bound| bound.is_a?(Numeric) && bound.to_f.finite? } &&
                bounds.each_cons(2).all? { |a, b| a.to_f < b.to_f }
        sound ? bounds.dup.freeze : nil
      end
    end
  end
  private_constant :Making
end
