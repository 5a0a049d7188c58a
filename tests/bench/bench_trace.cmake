# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

add_executable(bench_trace bench_trace.cc)
target_link_libraries(bench_trace PRIVATE
  percpud_options percpud_percpu percpud_test_support percpu_trace nlohmann_json::nlohmann_json)
