# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The package for LuaJIT (component lua), where Debian's LuaJIT and nginx look for modules.

install(FILES ${PROJECT_SOURCE_DIR}/client/lua/percpud.lua
  DESTINATION share/lua/5.1 COMPONENT lua)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/client/lua/percpud
  DESTINATION share/lua/5.1 COMPONENT lua FILES_MATCHING PATTERN "*.lua")
