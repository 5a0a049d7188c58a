# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# A real puma in cluster mode, whose workers are killed, and so is the daemon.

require "minitest/autorun"
require "servers"

class PumaTest < Rig::TestAlone
  include ServerTests

  def setup
    super
    @daemon.start
  end

  def serve(path, preload)
    Server.puma(path, *("--preload" if preload))
  end
end
