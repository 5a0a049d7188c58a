# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# A real unicorn, whose workers are killed, and so is the daemon.

require "minitest/autorun"
require "servers"

class UnicornTest < Rig::TestAlone
  include ServerTests

  def setup
    super
    @daemon.start
  end

  def serve(path, preload)
    Server.unicorn(path, preload: preload)
  end
end
