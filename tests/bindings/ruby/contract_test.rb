# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# What Prometheus's client for Ruby asks of a data store (its lib/prometheus/client/
# data_stores/README.md), and what users of its DirectFileStore rely on.

require "minitest/autorun"
require "rig"

class ContractTest < Rig::Test
  def setup
    super
    @store = Percpud::DataStore.new
  end

  def metric(type = :counter, name: :metric_name, **settings)
    @store.for_metric(name, metric_type: type, metric_settings: settings)
  end

  # Has the rest of the block be done by a process with that id, as far as the store knows.
  def as(pid, &block)
    Process.stub(:pid, pid, &block)
  end

  # What two processes have set.
  def of_two_processes(type, **settings)
    as(12_345) do
      metric(type, **settings).set(labels: { foo: "bar" }, val: 1)
      metric(type, **settings).set(labels: { foo: "baz" }, val: 7)
      metric(type, **settings).set(labels: { foo: "yyy" }, val: 3)
    end
    as(23_456) do
      metric(type, **settings).set(labels: { foo: "bar" }, val: 3)
      metric(type, **settings).set(labels: { foo: "baz" }, val: 2)
      metric(type, **settings).set(labels: { foo: "zzz" }, val: 1)
      metric(type, **settings).all_values
    end
  end

  def test_set_and_get
    metric.set(labels: { foo: "bar" }, val: 5)
    metric.set(labels: { foo: "baz" }, val: 2)
    assert_equal 5.0, metric.get(labels: { foo: "bar" })
    assert_equal 2.0, metric.get(labels: { foo: "baz" })
    assert_equal 0.0, metric.get(labels: { foo: "bat" })
    assert_instance_of Float, metric.get(labels: { foo: "bar" })
  end

  def test_increment
    metric.set(labels: { foo: "bar" }, val: 5)
    metric.increment(labels: { foo: "bar" })
    metric.increment(labels: { foo: "baz" }, by: 7.25)
    assert_equal 6.0, metric.get(labels: { foo: "bar" })
    assert_equal({ { foo: "bar" } => 6.0, { foo: "baz" } => 7.25 }, metric.all_values)
  end

  def test_a_set_replaces_what_this_process_has_counted
    metric.increment(labels: {}, by: 10)
    metric.set(labels: {}, val: 4)
    assert_equal 4.0, metric.get(labels: {})
    assert_equal({ {} => 4.0 }, metric.all_values)
  end

  def test_all_values_of_nothing
    assert_empty metric.all_values
    assert_equal 0.0, metric.all_values[{ unknown: "yes" }]
  end

  def test_the_order_of_labels_and_the_class_of_values_do_not_matter
    metric.increment(labels: { foo: "1", bar: "qux" })
    metric.increment(labels: { bar: :qux, foo: 1 })
    assert_equal 2.0, metric.get(labels: { "bar" => "qux", foo: 1.to_s })
    assert_equal [[%i[bar foo], %w[qux 1]]], metric.all_values.keys.map { |l| [l.keys, l.values] }
  end

  def test_labels_that_change_afterwards
    labels = { foo: +"bar" }
    metric.increment(labels: labels)
    labels[:foo] << "!"
    metric.increment(labels: labels)
    assert_equal({ { foo: "bar" } => 1.0, { foo: "bar!" } => 1.0 }, metric.all_values)
  end

  def test_any_text_is_a_value
    ["", "=&%\n\"\\", "é", "a" * 1000].each do |text|
      metric.increment(labels: { foo: text })
      assert_equal 1.0, metric.all_values[{ foo: text }], text
    end
    metric.increment(labels: { foo: "\xff\0x".b })
    assert_equal 1.0, metric.get(labels: { foo: "\xff\0x".b })
    assert_equal 1.0, metric.all_values[{ foo: "\uFFFDx" }]
    assert_empty @said.string
  end

  def test_many_label_sets
    1000.times { |i| metric.increment(labels: { a: i.to_s, b: (i % 7).to_s }, by: i) }
    assert_equal 1000, metric.all_values.size
    assert_equal 999.0, metric.all_values[{ a: "999", b: "5" }]
  end

  def test_what_is_no_number_or_no_label_set
    assert_raises(TypeError) { metric.increment(labels: {}, by: nil) }
    assert_raises(TypeError) { metric.increment(labels: nil) }
    metric.increment(labels: {}, by: Float::NAN)
    metric.increment(labels: {}, by: Rational(1, 2))
    assert_equal({ {} => 0.5 }, metric.all_values)
  end

  def test_synchronize_runs_its_block_also_inside_another
    inner = metric.synchronize { metric.synchronize { metric.increment(labels: {}) && 7 } || 8 }
    assert_includes [7, 8], inner
    assert_raises(IOError) { metric.synchronize { raise IOError } }
    metric.synchronize { metric.increment(labels: {}) }
    assert_equal 2.0, metric.get(labels: {})
    assert_raises(LocalJumpError) { metric.synchronize }
  end

  def test_synchronize_keeps_other_threads_out
    threads = Array.new(4) do
      Thread.new do
        100.times do
          metric.synchronize do
            before = metric.get(labels: {})
            Thread.pass
            metric.set(labels: {}, val: before + 1)
          end
          metric.increment(labels: {})
        end
      end
    end
    threads.each(&:join)
    assert_equal 800.0, metric.get(labels: {})
  end

  def test_settings
    wrong = Percpud::DataStore::InvalidStoreSettingsError
    %i[sum max min all].each { |mode| assert metric(aggregation: mode) }
    assert metric(:gauge, aggregation: Percpud::DataStore::MOST_RECENT)
    assert_match(/not invalid/, assert_raises(wrong) { metric(aggregation: :invalid) }.message)
    assert_match(/not some/, assert_raises(wrong) { metric(some: true) }.message)
    %i[counter histogram summary].each do |type|
      assert_raises(wrong) { metric(type, aggregation: :most_recent) }
    end
  end

  def test_counters_are_summed
    assert_equal({ { foo: "bar" } => 4.0, { foo: "baz" } => 9.0, { foo: "yyy" } => 3.0,
                   { foo: "zzz" } => 1.0 }, of_two_processes(:counter))
  end

  def test_gauges_are_shown_one_by_one
    assert_equal({ { foo: "bar", pid: "12345" } => 1.0, { foo: "bar", pid: "23456" } => 3.0,
                   { foo: "baz", pid: "12345" } => 7.0, { foo: "baz", pid: "23456" } => 2.0,
                   { foo: "yyy", pid: "12345" } => 3.0, { foo: "zzz", pid: "23456" } => 1.0 },
                 of_two_processes(:gauge))
  end

  def test_a_counter_may_be_shown_one_by_one
    found = of_two_processes(:counter, aggregation: :all)
    assert_equal 6, found.size
    assert_equal 2.0, found[{ pid: "23456", foo: "baz" }]
  end

  def test_max_of_a_gauge
    max = { { foo: "bar" } => 3.0, { foo: "baz" } => 7.0, { foo: "yyy" } => 3.0,
            { foo: "zzz" } => 1.0 }
    assert_equal max, of_two_processes(:gauge, aggregation: :max)
  end

  def test_min_of_a_counter
    min = { { foo: "bar" } => 1.0, { foo: "baz" } => 2.0, { foo: "yyy" } => 3.0,
            { foo: "zzz" } => 1.0 }
    assert_equal min, of_two_processes(:counter, aggregation: :min)
  end

  def test_sum_of_a_gauge
    assert_equal 9.0, of_two_processes(:gauge, aggregation: :sum)[{ foo: "baz" }]
  end

  def test_the_most_recent_of_a_gauge
    gauge = metric(:gauge, aggregation: :most_recent)
    of_two_processes(:gauge, aggregation: :most_recent)
    as(12_345) { gauge.set(labels: { foo: "baz" }, val: 4) }
    assert_equal({ { foo: "bar" } => 3.0, { foo: "baz" } => 4.0, { foo: "yyy" } => 3.0,
                   { foo: "zzz" } => 1.0 }, gauge.all_values)
    wrong = Percpud::DataStore::InvalidStoreSettingsError
    assert_match(/metric_name/, assert_raises(wrong) { gauge.increment(labels: {}) }.message)
  end

  def test_each_process_gets_its_own_share
    of_two_processes(:counter)
    { 12_345 => [1.0, 0.0], 23_456 => [3.0, 1.0] }.each do |pid, shares|
      as(pid) do
        assert_equal(shares, %w[bar zzz].map { |value| metric.get(labels: { foo: value }) })
      end
    end
    as(12_345) { metric.increment(labels: { foo: "bar" }) }
    assert_equal 5.0, metric.all_values[{ foo: "bar" }]
  end

  def test_numbers_with_le_and_no_known_bounds
    histogram = metric(:histogram)
    histogram.synchronize do
      histogram.increment(labels: { foo: "a", le: "+Inf" })
      histogram.increment(labels: { foo: "a", le: "sum" }, by: 12.5)
    end
    assert_equal({ { foo: "a", le: "+Inf" } => 1.0, { foo: "a", le: "sum" } => 12.5 },
                 histogram.all_values)
  end

  def test_label_names_that_differ_are_seen_by_this_process
    metric.increment(labels: { foo: "a" })
    metric.increment(labels: { foo: "a", bar: "b" }, by: 2)
    assert_equal({ { foo: "a" } => 1.0, { bar: "b", foo: "a" } => 2.0 }, metric.all_values)
    assert_match(/metric_name/, @said.string)
  end

  def test_a_directory_is_a_namespace_and_emptying_it_starts_over
    ENV.delete("PERCPUD_NAMESPACE")
    folder = File.join(@daemon.folder, "metrics")
    count = lambda do |type|
      store = Percpud::DataStore.new(dir: folder)
      one = store.for_metric(:metric_name, metric_type: type)
      one.increment(labels: {})
      one.all_values.values
    end
    assert_equal [1.0], count.call(:counter)
    assert_equal [2.0], count.call(:counter)
    Dir.glob(File.join(folder, "*")).each { |file| File.delete(file) }
    assert_equal [1.0], count.call(:gauge)
    other = Percpud.open(File.realpath(folder)).render
    assert_match(/^metric_name\{pid="#{Process.pid}"\} 1$/, other)
    assert_empty @said.string
  end

  def test_reset
    metric.increment(labels: {}, by: 5)
    assert @store.reset
    assert_equal 0.0, metric.get(labels: {})
    metric.increment(labels: {}, by: 2)
    assert_equal({ {} => 2.0 }, metric.all_values)
  end
end
