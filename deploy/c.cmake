# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The C library: libpercpud.so.0 by itself (component lib), and what one builds against.

configure_file(percpud-c.pc.in percpud-c.pc @ONLY)
set(c_headers percpud.h percpud_collect.h percpud_inline.h percpud_metrics.h
  percpud_variable.h)
list(TRANSFORM c_headers PREPEND ${PROJECT_SOURCE_DIR}/client/c/)

install(TARGETS percpud_c LIBRARY DESTINATION ${libdir} COMPONENT lib NAMELINK_SKIP)
# Component dev is the Debian package; c is the same without the package's papers, and
# with the library.
install(TARGETS percpud_c LIBRARY DESTINATION ${libdir} COMPONENT c NAMELINK_SKIP)
foreach(component dev c)
  install(TARGETS percpud_c LIBRARY DESTINATION ${libdir} COMPONENT ${component} NAMELINK_ONLY)
  install(TARGETS percpud_c_static ARCHIVE DESTINATION ${libdir} COMPONENT ${component})
  install(FILES ${c_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT ${component})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/percpud-c.pc
    DESTINATION ${libdir}/pkgconfig COMPONENT ${component})
endforeach()
