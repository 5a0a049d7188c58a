# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The SDK for programs that are built elsewhere: one archive, and the headers
# that its own headers include.

add_library(percpud_client STATIC EXCLUDE_FROM_ALL
  $<TARGET_OBJECTS:percpu_sdk> $<TARGET_OBJECTS:percpu_lease> $<TARGET_OBJECTS:percpud_rseq>
  $<TARGET_OBJECTS:percpud_area> $<TARGET_OBJECTS:percpud_base> $<TARGET_OBJECTS:percpud_proto>)
set_target_properties(percpud_client PROPERTIES OUTPUT_NAME percpud LINKER_LANGUAGE CXX)
# It is made for packages only, which carry no debug information.
add_custom_command(TARGET percpud_client POST_BUILD
  COMMAND ${CMAKE_STRIP} --strip-debug $<TARGET_FILE:percpud_client>)

install(FILES $<TARGET_FILE:percpud_client> DESTINATION ${libdir} COMPONENT dev)

set(headers ${CMAKE_INSTALL_INCLUDEDIR}/percpud)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/client/sdk/percpu DESTINATION ${headers} COMPONENT dev
  FILES_MATCHING PATTERN "*.h" PATTERN mocks EXCLUDE)
foreach(folder server/base server/area server/rseq proto/percpud/abi)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}/ DESTINATION ${headers}/${folder} COMPONENT dev
    FILES_MATCHING PATTERN "*.h")
endforeach()
install(DIRECTORY ${PROJECT_BINARY_DIR}/proto/gen/percpud/v1 DESTINATION ${headers}/percpud
  COMPONENT dev FILES_MATCHING PATTERN "*.pb.h")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/percpud/v1 DESTINATION share/percpud/proto/percpud
  COMPONENT dev FILES_MATCHING PATTERN "*.proto")

configure_file(percpudConfig.cmake.in percpudConfig.cmake @ONLY)
configure_file(percpud.pc.in percpud.pc @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(percpudConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/percpudConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/percpudConfigVersion.cmake
  DESTINATION ${libdir}/cmake/percpud COMPONENT dev)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/percpud.pc DESTINATION ${libdir}/pkgconfig COMPONENT dev)
