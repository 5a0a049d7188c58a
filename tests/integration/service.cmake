# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

foreach(name fd_store service)
  percpud_add_test(${name}_test
    SOURCES ${name}_test.cc DEPENDS percpu_sdk percpud_test_support LABELS integration)
  add_dependencies(${name}_test percpud)
endforeach()

add_test(NAME systemd_units COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_units $<TARGET_FILE_DIR:percpud>)
set_tests_properties(systemd_units PROPERTIES LABELS integration SKIP_RETURN_CODE 77 TIMEOUT 60)
