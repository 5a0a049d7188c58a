# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# Metrics as Prometheus's client makes them: an observation is one cell, a process shows what
# it never counted itself, and the exporter shows what they are.

require "minitest/autorun"
require "rig"
require "prometheus"

class MetricsTest < Rig::Test
  include Prometheus::Client

  def setup
    super
    Prometheus::Client.config.data_store = @store = Percpud::DataStore.new
  end

  def seconds(labels: [:path])
    Histogram.new(:seconds, docstring: "How long.", labels: labels, buckets: [0.5, 1, 2.5])
  end

  def test_a_histogram_is_one
    2.times { |i| seconds.observe(i + 0.25, labels: { path: "/" }) }
    seconds.observe(9, labels: { path: "/" })
    expected = { "0.5" => 1.0, "1" => 1.0, "2.5" => 2.0, "+Inf" => 3.0, "sum" => 10.5 }
    assert_equal expected, seconds.get(labels: { path: "/" })
    assert_equal({ { path: "/" } => expected }, seconds.values)
    assert_equal <<~TEXT, @store.render
      # HELP seconds How long.
      # TYPE seconds histogram
      seconds_bucket{path="/",le="0.5"} 1
      seconds_bucket{path="/",le="1.0"} 1
      seconds_bucket{path="/",le="2.5"} 2
      seconds_bucket{path="/",le="+Inf"} 3
      seconds_count{path="/"} 3
      seconds_sum{path="/"} 10.5
    TEXT
  end

  def test_a_process_that_has_not_observed_shows_the_same
    Rig.in_child { seconds.observe(1, labels: { path: "/" }) }
    assert_equal({ { path: "/" } => { "0.5" => 0.0, "1" => 1.0, "2.5" => 1.0, "+Inf" => 1.0,
                                      "sum" => 1.0 } }, seconds.values)
    assert_equal 0.0, seconds.get(labels: { path: "/" })["sum"]
  end

  def test_a_histogram_without_labels_is_shown_from_the_start
    seconds(labels: [])
    assert_match(/^seconds_count 0$/, @store.render)
    assert_equal [0.0] * 5, seconds(labels: []).values[{}].values
  end

  def test_an_observation_is_never_seen_in_part
    histogram = seconds(labels: [])
    store = histogram.instance_variable_get(:@store)
    store.synchronize do
      store.increment(labels: { le: "1" })
      store.synchronize { assert_equal 1.0, store.get(labels: { le: "1" }) }
      assert_match(/^seconds_count 0$/, @store.render)
      store.increment(labels: { le: "sum" }, by: 1.0)
    end
    assert_match(/^seconds_count 1\nseconds_sum 1$/, @store.render)
  end

  def test_several_observations_in_one_block
    histogram = seconds(labels: [])
    store = histogram.instance_variable_get(:@store)
    assert_raises(IOError) do
      store.synchronize do
        3.times { |i| histogram.observe(i) }
        raise IOError
      end
    end
    assert_equal({ "0.5" => 1.0, "1" => 2.0, "2.5" => 3.0, "+Inf" => 3.0, "sum" => 3.0 },
                 histogram.values[{}])
  end

  def test_a_summary
    summary = Summary.new(:bytes, docstring: "Size.", labels: [:path])
    2.times { summary.observe(21, labels: { path: "/" }) }
    assert_equal({ "count" => 2.0, "sum" => 42.0 }, summary.get(labels: { path: "/" }))
    assert_equal({ { path: "/", quantile: "count" } => 2.0,
                   { path: "/", quantile: "sum" } => 42.0 }, summary.values)
    assert_match(%r{^bytes_count\{path="/"\} 2\nbytes_sum\{path="/"\} 42$}, @store.render)
  end

  def test_bounds_that_are_none_count_as_numbers
    odd = Histogram.new(:odd, docstring: "Odd.", labels: [:l], buckets: [1, 1, Float::INFINITY])
    odd.observe(0.5, labels: { l: "a" })
    assert_equal 1.0, odd.values[{ l: "a" }]["1"]
    assert_match(/^odd_total\{l="a",le="1"\} 1$/, @store.render)
  end

  def test_gauges_rise_and_fall
    gauge = Gauge.new(:queue, docstring: "Length.", store_settings: { aggregation: :sum })
    gauge.increment(by: 5)
    gauge.decrement(by: 2)
    assert_equal({ {} => 3.0 }, gauge.values)
    gauge.set(7)
    assert_equal 7.0, gauge.get
    assert_match(/^# HELP queue Length.\n# TYPE queue gauge\nqueue 7$/, @store.render)
  end

  def test_a_metric_of_another_shape_counts_in_this_process
    Counter.new(:same, docstring: "One.").increment
    gauge = Gauge.new(:same, docstring: "Other.")
    gauge.set(5)
    assert_equal({ { pid: Process.pid.to_s } => 5.0 }, gauge.values)
    assert_match(/same/, @said.string)
  end
end
