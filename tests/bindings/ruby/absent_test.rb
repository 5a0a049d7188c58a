# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# Without a daemon, and when it goes and comes: the application never notices.

require "minitest/autorun"
require "rig"
require "prometheus"

class AbsentTest < Rig::TestAlone
  include Prometheus::Client

  def setup
    super
    Prometheus::Client.config.data_store = @store = Percpud::DataStore.new
  end

  def all_of_a_ruby(name)
    run_ruby(<<~RUBY, name.to_s).to_f
      require "percpud"
      print Percpud::DataStore.new.for_metric(ARGV[0].to_sym, metric_type: :counter).all_values[{}]
    RUBY
  end

  # Updates alone have the library look for the daemon.
  def joins?(counter)
    counter.increment(by: 0)
    counter.instance_variable_get(:@store).known.all? { |_, _, number| number.shared? }
  end

  def test_without_a_daemon_the_process_counts_and_shows_its_own
    counter = Counter.new(:c, docstring: "help")
    histogram = Histogram.new(:h, docstring: "help")
    gauge = Gauge.new(:g, docstring: "help")
    counter.increment(by: 3)
    histogram.observe(0.3)
    gauge.set(4)
    assert_equal 1, @said.string.lines.size, @said.string
    assert_includes @said.string, @daemon.address
    assert_equal [3.0, { {} => 3.0 }], [counter.get, counter.values]
    assert_equal({ "0.1" => 0.0, "1" => 1.0, "10" => 1.0, "+Inf" => 1.0, "sum" => 0.3 },
                 histogram.values[{}])
    assert_equal({ { pid: Process.pid.to_s } => 4.0 }, gauge.values)
    assert_raises(Percpud::Error) { @store.render(wait_ms: 10) }
    refute @store.reset(wait_ms: 10)
  end

  def test_what_was_local_joins_when_the_daemon_comes
    counter = Counter.new(:c, docstring: "help")
    counter.increment(by: 3)
    @daemon.start
    Rig.eventually("the counter is shared") { joins?(counter) }
    counter.increment
    assert_equal 4.0, all_of_a_ruby(:c)
  end

  def test_the_daemon_is_killed_meanwhile_and_no_count_is_lost
    @daemon.start
    counter = Counter.new(:c, docstring: "help")
    counter.increment(by: 10)
    @daemon.kill
    counter.increment(by: 5)
    late = Counter.new(:late, docstring: "help")
    late.increment(by: 7)
    assert_equal [15.0, 7.0], [counter.values[{}], late.values[{}]]
    @daemon.start
    Rig.eventually("the late one is shared") { joins?(late) }
    counter.increment
    assert_equal [16.0, 7.0], [all_of_a_ruby(:c), all_of_a_ruby(:late)]
  end

  def test_what_is_local_joins_before_a_process_ends
    @daemon.start
    address = @daemon.address.delete_prefix("unix:")
    # Nothing answers at the first opening.
    File.rename("#{address}.door", "#{address}.away")
    run_ruby(<<~RUBY, address)
      require "percpud"
      Percpud.logger = Logger.new(File::NULL)
      Percpud::DataStore.new.for_metric(:c, metric_type: :counter).increment(labels: {}, by: 3)
      File.rename(ARGV[0] + ".away", ARGV[0] + ".door")
    RUBY
    assert_equal 3.0, all_of_a_ruby(:c)
  end

  def test_names_that_percpud_refuses_count_in_the_process
    @daemon.start
    metric = @store.for_metric(:percpud_own, metric_type: :counter)
    metric.increment(labels: {}, by: 2)
    assert_equal [2.0, { {} => 2.0 }], [metric.get(labels: {}), metric.all_values]
    assert_includes @said.string, "percpud_own"
  end
end
