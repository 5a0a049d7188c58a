# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The package for Python (component python), where Debian's interpreters look for it.

set(python_site lib/python3/dist-packages)
install(TARGETS percpud_python LIBRARY DESTINATION ${python_site}/percpud COMPONENT python)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/client/python/percpud
  DESTINATION ${python_site} COMPONENT python FILES_MATCHING PATTERN "*.py")
# It activates percpud.prometheus by the environment.
install(FILES ${PROJECT_SOURCE_DIR}/client/python/percpud.pth
  DESTINATION ${python_site} COMPONENT python)
# What pip and importlib.metadata know it by.
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/python/METADATA CONTENT
"Metadata-Version: 2.1
Name: percpud
Version: ${PROJECT_VERSION}
Summary: Metrics that all processes of a host share
License: Apache-2.0
Requires-Python: >=3.10
")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/python/INSTALLER "debian\n")
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/python/METADATA ${CMAKE_CURRENT_BINARY_DIR}/python/INSTALLER
  DESTINATION ${python_site}/percpud-${PROJECT_VERSION}.dist-info COMPONENT python)
