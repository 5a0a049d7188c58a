# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# Forks, threads and deaths.

require "minitest/autorun"
require "rig"
require "prometheus"

class ForkTest < Rig::Test
  include Prometheus::Client

  CHILDREN = 4
  EACH = 500

  def setup
    super
    Prometheus::Client.config.data_store = @store = Percpud::DataStore.new
  end

  def test_children_count_what_they_inherit_and_their_own_share_begins_anew
    counter = Counter.new(:c, docstring: "help")
    histogram = Histogram.new(:h, docstring: "help")
    counter.increment(by: 5)
    histogram.observe(1)
    CHILDREN.times do
      Rig.in_child do
        raise counter.get.to_s unless counter.get.zero? && histogram.get["sum"].zero?

        EACH.times do
          counter.increment
          histogram.observe(1)
        end
        raise counter.get.to_s if counter.get != EACH
      end
    end
    assert_equal 5.0 + CHILDREN * EACH, counter.values[{}]
    assert_equal 1.0 + CHILDREN * EACH, histogram.values[{}]["+Inf"]
    assert_equal 5.0, counter.get
  end

  def test_a_killed_process_leaves_its_sums
    summary = Summary.new(:s, docstring: "help")
    Rig.kill(Rig.pausing { summary.observe(4) })
    assert_equal 4.0, summary.values[{ quantile: "sum" }]
  end

  def test_gauges_of_children
    make = -> { Gauge.new(:g, docstring: "help", store_settings: { aggregation: :max }) }
    Rig.kill(Rig.pausing { make.call.set(9) })
    gauge = make.call
    gauge.set(3)
    assert_equal 9.0, gauge.values[{}]
  end

  def test_a_gauge_that_a_child_inherits_is_shown_when_it_is_set
    %i[all max sum].each do |mode|
      gauge = Gauge.new(:"g_#{mode}", docstring: "help", store_settings: { aggregation: mode })
      pid = Rig.pausing { gauge.set(9) }
      labels = mode == :all ? { pid: pid.to_s } : {}
      assert_equal 9.0, gauge.values[labels], mode
      assert_equal 0.0, gauge.get
      Rig.kill(pid)
      assert_equal 9.0, gauge.values[labels], mode
    end
  end

  def test_a_fork_inside_a_synchronized_block_counts_once
    histogram = Histogram.new(:h, docstring: "help")
    store = histogram.instance_variable_get(:@store)
    pid = store.synchronize do
      histogram.observe(1)
      fork.tap { |child| histogram.observe(2) unless child }
    end
    exit!(0) unless pid
    Process.wait(pid)
    assert_equal 3.0, histogram.values[{}]["sum"]
  end

  def test_a_threaded_process_forks_while_its_threads_count_and_open
    counter = Counter.new(:c, docstring: "help", labels: [:l])
    histogram = Histogram.new(:h, docstring: "help")
    done = false
    counted = [0, 0, 0]
    threads = counted.each_index.map do |index|
      Thread.new do
        until done && counted[index] >= 200
          counter.increment(labels: { l: (counted[index] % 300).to_s })
          histogram.observe(1)
          counted[index] += 1
        end
      end
    end
    5.times do
      Rig.in_child do
        100.times do |i|
          counter.increment(labels: { l: "child#{i % 10}" })
          histogram.observe(1)
        end
        raise "nothing is seen" if counter.values.empty?
      end
    end
    done = true
    threads.each(&:join)
    assert_equal counted.sum + 500.0, counter.values.values.sum
    assert_equal counted.sum + 500.0, histogram.values[{}]["sum"]
  end

  def test_threads_lose_nothing
    counter = Counter.new(:c, docstring: "help")
    histogram = Histogram.new(:h, docstring: "help")
    threads = Array.new(CHILDREN) do
      Thread.new do
        EACH.times do
          counter.increment
          histogram.observe(1)
        end
      end
    end
    threads.each(&:join)
    assert_equal [CHILDREN * EACH] * 4, [counter.get, counter.values[{}], histogram.get["sum"],
                                         histogram.values[{}]["+Inf"]]
  end

  def test_a_ruby_ends_with_metrics_open
    out = run_ruby(<<~RUBY)
      require "percpud"
      store = Percpud::DataStore.new
      metric = store.for_metric(:c, metric_type: :counter)
      metric.increment(labels: {}, by: 3)
      Thread.new { loop { metric.increment(labels: {}, by: 0) } }
      GC.stress = true
      metric.increment(labels: { }, by: 1)
      p metric.all_values
    RUBY
    assert_equal "{{}=>4.0}\n", out
  end

  def test_garbage_collection
    before = GC.stress
    30.times do |i|
      store = Percpud::DataStore.new
      store.for_metric(:c, metric_type: :counter).increment(labels: { i: i % 5 })
      GC.stress = i == 28
    end
    GC.stress = before
    GC.compact if GC.respond_to?(:compact)
    assert_equal 30.0, @store.for_metric(:c, metric_type: :counter).all_values.values.sum
  end
end
