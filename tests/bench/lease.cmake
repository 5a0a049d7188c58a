# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

add_executable(bench_lease bench_lease.cc)
target_link_libraries(bench_lease PRIVATE
  percpud_options percpu_lease_test_support percpud_command_line percpud_test_support nlohmann_json::nlohmann_json)
percpud_use_precompiled(bench_lease percpud_cli_headers)
