# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# usage: bench.rb [--smoke]
#
# A data store's calls on percpud, beside a store that works as DirectFileStore of
# Prometheus's client does. Debian does not have that client, so FileStore below is a
# stand-in of our own: a file for each process and metric, no mapping, and for each increment
# the key as text, a lock, a pread and a pwrite of doubles. It is cheaper than what it stands
# for, which seeks, flushes, and locks the file in `synchronize`. The stores take turns, so
# that what disturbs one disturbs both. --smoke runs for a moment: that it works, not how fast.

require "cgi"
require "monitor"
require "rig"
require "prometheus"

# One metric of the stand-in.
class FileMetric
  def initialize(path)
    @file = File.open(path, File::RDWR | File::CREAT)
    @positions = {}
    @lock = Monitor.new
  end

  def synchronize(&block)
    @lock.synchronize(&block)
  end

  def set(labels:, val:)
    key = key(labels)
    synchronize { write(position(key), val.to_f) }
  end

  def increment(labels:, by: 1)
    key = key(labels)
    synchronize do
      at = position(key)
      write(at, @file.pread(8, at).unpack1("d") + by.to_f)
    end
  end

  def get(labels:)
    key = key(labels)
    synchronize { @file.pread(8, position(key)).unpack1("d") }
  end

  def all_values
    @positions.to_h do |key, at|
      labels = CGI.parse(key).to_h { |name, values| [name.to_sym, values.first] }
      [labels, @file.pread(8, at).unpack1("d")]
    end
  end

  private

  def key(labels)
    pairs = labels.to_a.sort
    pairs.map { |pair| pair.map { |text| CGI.escape(text.to_s) }.join("=") }.join("&")
  end

  def position(key)
    @positions[key] ||= (@positions.size * 16).tap { |at| write(at, 0.0) }
  end

  def write(at, value)
    @file.pwrite([value, Process.clock_gettime(Process::CLOCK_MONOTONIC)].pack("dd"), at)
  end
end

# The stand-in.
class FileStore
  def initialize(folder)
    @folder = folder
  end

  def for_metric(name, metric_type:, metric_settings: {})
    kind = "#{metric_type}#{metric_settings.values.join}"
    FileMetric.new(File.join(@folder, "#{kind}_#{name}_#{Process.pid}"))
  end
end

# The calls that are measured, on one store.
class Calls
  LABELS = { method: "get", code: "200" }.freeze

  attr_reader :all

  def initialize(store)
    Prometheus::Client.config.data_store = store
    plain = Prometheus::Client::Counter.new(:plain, docstring: "help")
    labelled = Prometheus::Client::Counter.new(:labelled, docstring: "help", labels: LABELS.keys)
    seconds = Prometheus::Client::Histogram.new(:seconds, docstring: "help", labels: LABELS.keys)
    gauge = Prometheus::Client::Gauge.new(:gauge, docstring: "help")
    @all = {
      "increment" => -> { plain.increment },
      "increment labels" => -> { labelled.increment(labels: LABELS) },
      "observe" => -> { seconds.observe(0.3, labels: LABELS) },
      "set" => -> { gauge.set(1) },
      "values" => -> { seconds.values }
    }
  end

  # Returns the nanoseconds of a call.
  def measure(name, number)
    call = @all.fetch(name)
    before = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    number.times { call.call }
    (Process.clock_gettime(Process::CLOCK_MONOTONIC) - before) / number * 1e9
  end
end

# [call, at most], of the stand-in
GOALS = [["increment", 0.2], ["increment labels", 0.2]].freeze

def measure(kinds, smoke)
  rounds, often = smoke ? [1, 10] : [150, 2_000]
  best = Hash.new(Float::INFINITY)
  kinds.values.first.all.each_key do |call|
    number = call == "values" ? (often / 100).clamp(1..) : often
    rounds.times do
      kinds.each do |kind, calls|
        best[[call, kind]] = [best[[call, kind]], calls.measure(call, number)].min
      end
    end
  end
  best
end

def report(best, smoke)
  puts format("%-18s%12s%12s", "ns a call", "files", "percpud")
  best.keys.map(&:first).uniq.each do |call|
    puts format("%-18s%12.0f%12.0f", call, best[[call, :files]], best[[call, :percpud]])
  end
  GOALS.each do |call, most|
    ratio = best[[call, :percpud]] / best[[call, :files]]
    verdict = smoke ? "" : (ratio <= most ? "met" : "missed")
    puts format("%s / files: %.3f of at most %.1f %s", call, ratio, most, verdict)
  end
end

smoke = ARGV.include?("--smoke")
daemon = Rig::Daemon.new
begin
  daemon.start
  Dir.mktmpdir("percpud-ruby-", "/dev/shm") do |folder|
    store = Percpud::DataStore.new(namespace: "bench", address: daemon.address)
    kinds = { files: Calls.new(FileStore.new(folder)), percpud: Calls.new(store) }
    report(measure(kinds, smoke), smoke)
  end
ensure
  daemon.remove
end
