# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The SDK for programs that are built elsewhere: one archive, its headers, and what
# CMake and pkg-config want to know.

add_library(percpud_client STATIC
  $<TARGET_OBJECTS:percpu_sdk> $<TARGET_OBJECTS:percpu_lease> $<TARGET_OBJECTS:percpud_rseq>
  $<TARGET_OBJECTS:percpud_area> $<TARGET_OBJECTS:percpud_base> $<TARGET_OBJECTS:percpud_tls> $<TARGET_OBJECTS:percpud_proto>
  $<TARGET_OBJECTS:percpud_fleet_proto> $<TARGET_OBJECTS:percpud_fleet_reading_proto>
  $<TARGET_OBJECTS:percpud_c_static> $<TARGET_OBJECTS:percpud_exposition>)
# libpercpud.a is the C library.
set_target_properties(percpud_client PROPERTIES OUTPUT_NAME percpud_sdk LINKER_LANGUAGE CXX)
# It is made for packages only, which carry no debug information.
add_custom_command(TARGET percpud_client POST_BUILD
  COMMAND ${CMAKE_STRIP} --strip-debug $<TARGET_FILE:percpud_client>)

configure_file(percpudConfig.cmake.in percpudConfig.cmake @ONLY)
configure_file(percpud.pc.in percpud.pc @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(percpudConfigVersion.cmake COMPATIBILITY SameMinorVersion)

# Component dev is the Debian package; sdk is the same without the package's papers.
set(headers ${CMAKE_CURRENT_BINARY_DIR}/sdk_headers)
set(stage ${CMAKE_CURRENT_SOURCE_DIR}/stage_headers.cmake)
foreach(component dev sdk)
  install(FILES $<TARGET_FILE:percpud_client> DESTINATION ${libdir} COMPONENT ${component})
  install(CODE "execute_process(
    COMMAND \"${CMAKE_COMMAND}\" \"-DSOURCE_DIR=${PROJECT_SOURCE_DIR}\" \"-DOUTPUT_DIR=${headers}\" -P \"${stage}\"
    COMMAND_ERROR_IS_FATAL ANY)" COMPONENT ${component})
  install(DIRECTORY ${headers}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT ${component})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/percpud/v1 ${PROJECT_SOURCE_DIR}/proto/percpud/fleet
    DESTINATION share/percpud/proto/percpud
    COMPONENT ${component} FILES_MATCHING PATTERN "*.proto")
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/percpudConfig.cmake
                ${CMAKE_CURRENT_BINARY_DIR}/percpudConfigVersion.cmake
    DESTINATION ${libdir}/cmake/percpud COMPONENT ${component})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/percpud.pc
    DESTINATION ${libdir}/pkgconfig COMPONENT ${component})
endforeach()
