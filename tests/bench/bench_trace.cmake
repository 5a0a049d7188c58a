# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

add_executable(bench_trace
  bench_trace.cc trace_compare.cc trace_goals.cc trace_malloc.cc trace_replay.cc
  trace_report.cc)
target_link_libraries(bench_trace PRIVATE
  percpud_options percpud_percpu percpud_command_line percpud_test_support percpu_trace percpud_bench_comparison
  percpud_bench_report)
percpud_use_precompiled(bench_trace percpud_cli_headers)
target_compile_definitions(bench_trace PRIVATE
  PERCPUD_TRACE_GENERATOR="${PROJECT_SOURCE_DIR}/tests/traces/gen.py")
