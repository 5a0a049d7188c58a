# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# Prefork servers that serve shop.ru on a Unix socket, and what asks them.

require "rig"

# A prefork server, and its workers.
class Server
  WORKERS = 4

  # Puma, whose workers have two threads each.
  def self.puma(path, *options)
    new(["/usr/bin/puma", "--workers", WORKERS.to_s, "--threads", "2:2", "--bind", "unix://#{path}",
         *options, "shop.ru"], path)
  end

  # Unicorn, whose settings are a file.
  def self.unicorn(path, preload:)
    settings = "#{path}.conf"
    File.write(settings, <<~RUBY)
      worker_processes #{WORKERS}
      listen #{path.inspect}
      preload_app #{preload}
    RUBY
    new(["/usr/bin/unicorn", "--config-file", settings, "--env", "none", "shop.ru"], path)
  end

  def initialize(command, path)
    @path = path
    @pid = Process.spawn(*command, chdir: __dir__, out: File::NULL, err: File::NULL)
    Rig.eventually("the server answers") { get("/metrics") }
    Rig.eventually("all workers are there") { workers.size == WORKERS }
  end

  # Returns the answer, or nil if there was none.
  def get(path)
    UNIXSocket.open(@path) do |socket|
      socket.write("GET #{path} HTTP/1.0\r\nHost: localhost\r\n\r\n")
      head, body = socket.read.split("\r\n\r\n", 2)
      body if head&.start_with?("HTTP/1.0 200", "HTTP/1.1 200")
    end
  rescue SystemCallError, EOFError
    nil
  end

  def workers
    File.read("/proc/#{@pid}/task/#{@pid}/children").split.map(&:to_i)
  end

  # Kills a worker as the kernel does that is out of memory.
  def kill_one
    victim = workers.sample
    Process.kill(:KILL, victim) if victim
  rescue Errno::ESRCH
    nil
  end

  def stop
    Process.kill(:TERM, @pid)
    Process.wait(@pid)
  end

  # Returns the sum of the samples that begin so; nil if nothing answers.
  def sample(name)
    text = get("/metrics") or return nil
    text.lines.grep(/\A#{name}/).sum { |line| line.split.last.to_f }
  end
end

# Threads that send requests until they are told to stop.
class Load
  attr_reader :begun, :answered

  def initialize(server, threads)
    @lock = Mutex.new
    @begun = @answered = 0
    @stops = false
    @threads = Array.new(threads) { Thread.new { send_requests(server) } }
  end

  def stop
    @stops = true
    @threads.each(&:join)
  end

  private

  def send_requests(server)
    until @stops
      @lock.synchronize { @begun += 1 }
      answer = server.get("/buy")
      @lock.synchronize { @answered += 1 } if answer
    end
  end
end

# What every server is tested for.
module ServerTests
  ROUNDS = 6
  THREADS = 4

  def test_workers_lose_and_add_nothing
    [false, true].each do |preload|
      with(preload) do |server|
        before = server.sample("shop_requests_total")
        load = Load.new(server, THREADS)
        Rig.eventually("requests are answered") { load.answered >= 200 }
        load.stop
        assert_equal load.begun, load.answered
        assert_equal load.begun, server.sample("shop_requests_total") - before
        assert_equal server.sample("shop_requests_total"), server.sample("shop_seconds_count")
        assert_equal 1.0, server.sample("shop_workers")
      end
    end
  end

  def test_workers_and_the_daemon_are_killed_and_the_count_is_exact
    # Without a daemon the children of a process that was attached count on in the
    # shared cells. A worker that attaches itself would count locally meanwhile, and a kill
    # would lose that.
    with(true) do |server|
      before = server.sample("shop_requests_total")
      load = Load.new(server, THREADS)
      ROUNDS.times do |round|
        due = load.answered + 40
        Rig.eventually("requests are answered") { load.answered >= due }
        server.kill_one
        @daemon.kill if round == 2
        @daemon.start if round == 4
      end
      load.stop
      total = Rig.eventually("metrics are shown") { server.sample("shop_requests_total") }
      counted = total - before
      assert_operator load.answered, :<=, counted
      assert_operator counted, :<=, load.begun
      # What was in flight at a kill was begun, and may have been counted.
      assert_operator load.begun - load.answered, :<=, ROUNDS * THREADS
      assert_equal server.sample("shop_seconds_count"), server.sample("shop_seconds_sum")
    end
  end

  private

  # Runs the block with a server.
  def with(preload)
    path = "#{@daemon.folder}/http"
    server = serve(path, preload)
    yield server
  ensure
    server&.stop
    FileUtils.rm_f(path)
  end
end
