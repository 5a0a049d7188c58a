# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# Percpud.open, without Prometheus's client.

require "minitest/autorun"
require "rig"

class PlainTest < Rig::Test
  def setup
    super
    @shop = Percpud.open
  end

  def test_counters
    hits = @shop.counter("hits", help: "Page views.")
    assert_same hits, hits.increment
    hits.increment(2.5)
    assert_equal [3.5, 3.5, true], [hits.get, hits.total, hits.shared?]
    assert_raises(ArgumentError) { hits.increment(-1) }
    assert_raises(ArgumentError) { hits.decrement }
    assert_match(/^# HELP hits Page views.\n# TYPE hits_total counter\nhits_total 3.5$/,
                 @shop.render.gsub("HELP hits_total", "HELP hits"))
    assert @shop.attached?
    assert @shop.wait(1)
  end

  def test_labels
    requests = @shop.counter("requests", labels: %i[method code])
    requests.labels("get", 200).increment
    requests.labels(code: "200", method: :get).increment
    @shop.counter("requests", labels: { method: "get", code: 200 }).increment
    assert_equal 3.0, requests.labels("get", "200").total
    assert_raises(ArgumentError) { requests.labels("get") }
    assert_raises(ArgumentError) { requests.labels(method: "get", path: "/") }
  end

  def test_removal
    requests = @shop.counter("requests", labels: [:method])
    %w[get put].each { |method| requests.labels(method).increment }
    assert_equal 1, requests.remove("get")
    refute_match(/get/, @shop.render)
    assert_equal 1, requests.clear
    refute_match(/put/, @shop.render)
  end

  def test_gauges
    assert_equal 3.0, @shop.gauge("workers", mode: :sum, live: true).increment(4).decrement.get
    @shop.gauge("shared", mode: :shared).set(5)
    Rig.in_child { Percpud.open.gauge("shared", mode: :shared).increment }
    assert_equal 6.0, @shop.gauge("shared", mode: :shared).get
    assert_match(/wrong/, assert_raises(ArgumentError) { @shop.gauge("g", mode: :wrong) }.message)
    assert_raises(ArgumentError) { @shop.gauge("g", mode: :shared, live: true) }
  end

  def test_a_live_gauge_goes_with_its_process
    pid = Rig.pausing { Percpud.open.gauge("busy", live: true).set(1) }
    assert_match(/^busy\{pid="#{pid}"\} 1$/, @shop.render)
    Rig.kill(pid)
    Rig.eventually("the gauge is gone") { !@shop.render.include?("busy{") }
  end

  def test_slots
    pids = Array.new(2) do
      Rig.pausing { Percpud.open(slot: true).gauge("busy", live: true).set(1) }
    end
    assert_equal %w[0 1], @shop.render.scan(/^busy\{pid="(\d+)"\}/).flatten.sort
    pids.each { |pid| Rig.kill(pid) }
  end

  def test_histograms_and_summaries
    seconds = @shop.histogram("seconds", buckets: [0.1, 1], unit: "seconds")
    [0.05, 0.5, 5, Float::NAN].each { |value| seconds.observe(value) }
    assert_equal [3, 5.55], [seconds.count, seconds.sum]
    assert_match(/^seconds_bucket\{le="1.0"\} 2$/, @shop.render)
    assert_match(/# EOF\Z/, @shop.render(openmetrics: true))
    bytes = @shop.summary("bytes", labels: [:path]).labels("/")
    bytes.observe(2)
    assert_equal [1, 2.0], [bytes.count, bytes.sum]
    assert_raises(ArgumentError) { @shop.histogram("falling", buckets: [2, 1]) }
  end

  def test_reset
    hits = @shop.counter("hits")
    hits.increment(5)
    assert_operator @shop.reset, :>, 0
    hits.increment
    assert_match(/^hits_total 1$/, @shop.render)
  end

  def test_what_cannot_be_made
    native = Percpud::Native
    assert_raises(NoMethodError) { native::Value.allocate }
    assert_raises(NoMethodError) { @shop.counter("hits").dup }
    assert_raises(TypeError) { native::Value.new(nil, [], nil) }
    assert_raises(ArgumentError) { @shop.counter("a\0b") }
    assert_equal native::VERSION, Percpud::VERSION
  end
end
