# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# A daemon of its own for tests, and processes that use it.

require "fileutils"
require "minitest"
require "minitest/mock"
require "open3"
require "percpud"
require "rbconfig"
require "socket"
require "stringio"
require "tmpdir"

module Rig
  BINARIES = ENV.fetch("PERCPUD_BIN_DIR")
  # Seconds.
  PATIENCE = 60

  # A percpud with an arena that outlives it.
  class Daemon
    attr_reader :folder, :address

    def initialize
      @folder = Dir.mktmpdir("percpud-ruby-")
      @memory = Dir.mktmpdir("percpud-ruby-", "/dev/shm")
      @address = "unix:#{@folder}/s"
    end

    # Starts it, and waits until it answers.
    def start
      @pid = Process.spawn("#{BINARIES}/percpud", "--listen", @address, "--arena",
                           "file:#{@memory}/arena", "--arena-size", "64MiB", "--log-level", "error",
                           out: File::NULL)
      Rig.eventually("the daemon answers") { answers? }
    end

    # Ends it as a crash does.
    def kill
      Process.kill(:KILL, @pid)
      Process.wait(@pid)
      @pid = nil
    end

    def remove
      kill if @pid
      FileUtils.rm_rf([@folder, @memory])
    end

    private

    def answers?
      raise "the daemon has ended" if Process.wait(@pid, Process::WNOHANG)

      door = Socket.new(:UNIX, :SEQPACKET)
      door.connect(Socket.sockaddr_un("#{@folder}/s.door"))
      true
    rescue SystemCallError
      false
    ensure
      door&.close
    end
  end

  # A test with a namespace of its own, and a daemon that it shares with the other tests of
  # its file.
  class Test < Minitest::Test
    def setup
      @daemon = a_daemon
      @before = ENV.to_h
      ENV["PERCPUD_ADDRESS"] = @daemon.address
      ENV["PERCPUD_NAMESPACE"] = @namespace = name
      @said = StringIO.new
      Percpud.logger = Logger.new(@said)
    end

    def teardown
      Rig.kill_all
      ENV.replace(@before)
    end

    def a_daemon
      Rig.shared_daemon
    end

    # Runs the text in a Ruby of its own, and returns what it has printed.
    def run_ruby(text, *arguments)
      out, err, status = Open3.capture3(RbConfig.ruby, "-w", "-I#{__dir__}", "-e", text, *arguments)
      assert status.success?, "#{err}#{out}"
      assert_empty err
      out
    end
  end

  # A test whose daemon is its own, and is not there yet.
  class TestAlone < Test
    def a_daemon
      Daemon.new
    end

    def teardown
      super
      @daemon.remove
    end
  end

  class << self
    # Returns a daemon that runs until the tests have ended.
    def shared_daemon
      @shared_daemon ||= Daemon.new.tap do |daemon|
        Minitest.after_run { daemon.remove }
        daemon.start
      end
    end

    # Waits until the block returns something, and returns that.
    def eventually(what)
      ends = now + PATIENCE
      until (found = yield)
        raise "not within #{PATIENCE} s: #{what}" if now > ends

        sleep 0.005
      end
      found
    end

    # Forks, works in the child, and waits for it. Raises unless that went well.
    def in_child(&work)
      pid = fork_child(&work)
      status = Process.wait2(pid).last
      raise "the child's work failed: #{status}" unless status.success?
    end

    # A child that has done its work, and waits to be killed.
    def pausing(&work)
      told, tell = IO.pipe
      pid = fork_child do
        work.call
        tell.write("x")
        tell.close
        sleep
      end
      tell.close
      raise "the child's work failed" if told.read(1) != "x"

      (@paused ||= []) << pid
      pid
    ensure
      told.close
    end

    def kill(pid)
      Process.kill(:KILL, pid)
      Process.wait(pid)
      @paused.delete(pid)
    end

    # Kills the pausing children that a test has left.
    def kill_all
      (@paused || []).dup.each { |pid| kill(pid) }
    end

    private

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    # The child leaves without the tests that its parent is to run at its end.
    def fork_child
      fork do
        yield
        exit!(0)
      rescue Exception => e # rubocop:disable Lint/RescueException
        warn "in the child: #{e.full_message}"
        exit!(1)
      end
    end
  end
end
