# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

percpud_add_test(this_cpu_torture_test
  SOURCES this_cpu_torture_test.cc
  DEPENDS percpud_rseq
  LABELS integration)
