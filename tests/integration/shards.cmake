# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

percpud_add_test(shards_test
  SOURCES shards_test.cc
  DEPENDS percpu_sdk percpud_test_support
  LABELS integration)
add_dependencies(shards_test percpud shard_counter)
