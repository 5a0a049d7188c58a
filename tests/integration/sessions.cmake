# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

foreach(name
    address_space
    hostile
    hostile_calls
    hostile_door
    hostile_frames
    hostile_lane
    lane
    lane_sdk
    leases
    memory_limit
    lost_sessions
    odd_clients
    remote_sessions
    sessions
    skew
    vm)
  percpud_add_test(${name}_of_processes_test
    SOURCES ${name}_test.cc DEPENDS percpu_sdk percpud_test_support LABELS integration)
  add_dependencies(${name}_of_processes_test percpud)
endforeach()
# valgrind of Debian 12 gives up on the debug information of its clang.
target_link_options(odd_clients_of_processes_test PRIVATE -Wl,--strip-debug)
