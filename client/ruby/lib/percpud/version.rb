# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module Percpud
  # The version of the gem, and of the library that it needs.
  VERSION = "0.1.0"
end
