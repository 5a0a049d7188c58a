# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module Percpud
  # The clients of this process. Thread safe.
  module Clients
    # Milliseconds: the library looks for a daemon once a second.
    LEAVE_MS = 1100
    private_constant :LEAVE_MS

    @open = ObjectSpace::WeakMap.new

    class << self
      # Opens a client of its own for that namespace.
      def open(namespace, address: nil, slot: false)
        address ||= ENV["PERCPUD_ADDRESS"]
        listener = ->(text) { Percpud.logger.warn(text) }
        client = Native::Client.new(namespace&.to_s, address, slot, listener)
        @open[client] = address || Native::DEFAULT_ADDRESS
        client
      end

      # Has what is local join the shared cells before the process ends. Waits for a daemon
      # that is just starting again; one that is not there at all is not waited for.
      def leave
        @open.each_pair do |client, address|
          next if client.poll || client.attached?

          client.wait(LEAVE_MS) if File.exist?("#{address.delete_prefix("unix:")}.door")
        end
      end
    end

    at_exit { leave }
  end
  private_constant :Clients
end
