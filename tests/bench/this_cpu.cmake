# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

add_library(percpud_bench_comparison STATIC comparison.cc)
target_link_libraries(percpud_bench_comparison PUBLIC
  percpud_options percpud_grpc nlohmann_json::nlohmann_json percpud_command_line)
percpud_use_precompiled(percpud_bench_comparison percpud_cli_headers)

foreach(name this_cpu sum)
  add_executable(bench_${name} bench_${name}.cc)
  target_link_libraries(bench_${name} PRIVATE percpud_bench_comparison percpud_rseq)
endforeach()
target_link_libraries(bench_sum PRIVATE percpud_percpu)
