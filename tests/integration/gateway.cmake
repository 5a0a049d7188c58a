# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

foreach(name gateway gateway_hostile tls tls_exports tls_many_hosts tls_policy tls_reload)
  percpud_add_test(${name}_test
    SOURCES ${name}_test.cc
    DEPENDS percpu_sdk percpud_proto percpud_test_support percpud_tls_test_support
    LABELS integration)
  add_dependencies(${name}_test percpud percpud-gateway percpuctl)
endforeach()
target_link_libraries(tls_policy_test PRIVATE percpud_admin_proto)
