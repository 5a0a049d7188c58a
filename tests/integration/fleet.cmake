# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

percpud_add_test(fleet_hostile_test
  SOURCES fleet_hostile_test.cc
  DEPENDS percpud_fleet_reading_proto percpud_fleet_proto percpud_proto percpud_test_support
    percpud_tls_test_support
  LABELS integration)
add_dependencies(fleet_hostile_test percpud-fleet percpuctl)

percpud_add_test(fleet_sdk_test
  SOURCES fleet_sdk_test.cc ../unit/rseq/hot_path_probe.cc
  DEPENDS percpu_sdk percpud_test_support percpud_tls_test_support
  LABELS integration)
add_dependencies(fleet_sdk_test percpud percpud-gateway percpud-fleet percpuctl rseq_hot_path_test)
# As it is shipped, whatever the rest of the build is.
set_source_files_properties(../unit/rseq/hot_path_probe.cc PROPERTIES
  COMPILE_OPTIONS "-O2;-DNDEBUG" SKIP_PRECOMPILE_HEADERS ON)
