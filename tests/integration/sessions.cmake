# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

percpud_add_test(session_processes_test
  SOURCES sessions_test.cc DEPENDS percpu_sdk percpud_test_support LABELS integration)
add_dependencies(session_processes_test percpud)
