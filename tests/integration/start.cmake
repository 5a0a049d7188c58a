# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

percpud_add_test(start_test
  SOURCES start_test.cc DEPENDS percpud_test_support LABELS integration)
add_dependencies(start_test percpud percpuctl)
