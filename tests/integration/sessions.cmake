# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

foreach(name leases remote_sessions sessions skew)
  percpud_add_test(${name}_of_processes_test
    SOURCES ${name}_test.cc DEPENDS percpu_sdk percpud_test_support LABELS integration)
  add_dependencies(${name}_of_processes_test percpud)
endforeach()
