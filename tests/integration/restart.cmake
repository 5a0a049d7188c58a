# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

# percpud with places to die at, for crash tests only.
add_executable(percpud_faulty
  ${PROJECT_SOURCE_DIR}/server/main/main.cc
  ${PROJECT_SOURCE_DIR}/server/catalog/catalog.cc
  ${PROJECT_SOURCE_DIR}/server/session/series/writer_fold.cc)
target_compile_definitions(percpud_faulty PRIVATE PERCPUD_FAULT_POINTS)
target_link_libraries(percpud_faulty PRIVATE percpud_main)

percpud_add_test(restart_test
  SOURCES restart_test.cc DEPENDS percpu_sdk percpud_test_support LABELS integration)
add_dependencies(restart_test percpud percpud_faulty)
percpud_expect_seconds(restart_test 120)

percpud_add_test(fold_test
  SOURCES fold_test.cc DEPENDS percpud_c percpud_test_support LABELS integration)
add_dependencies(fold_test percpud percpud_faulty)
