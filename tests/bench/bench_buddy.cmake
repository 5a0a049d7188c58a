# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

add_executable(bench_buddy bench_buddy.cc)
target_link_libraries(bench_buddy PRIVATE percpud_options percpud_arena benchmark::benchmark_main)
