# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

percpud_add_test(fleet_hostile_test
  SOURCES fleet_hostile_test.cc
  DEPENDS percpud_fleet_reading_proto percpud_test_support
  LABELS integration)
add_dependencies(fleet_hostile_test percpud-fleet)
