# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The package for Node (component node), where Debian's node looks for addons.

set(node_dir ${libdir}/nodejs/percpud)
install(TARGETS percpud_node LIBRARY DESTINATION ${node_dir} COMPONENT node)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/client/node/
  DESTINATION ${node_dir} COMPONENT node
  FILES_MATCHING PATTERN "*.js" PATTERN "*.d.ts" PATTERN "package.json"
  PATTERN install.js EXCLUDE PATTERN src EXCLUDE PATTERN node_modules EXCLUDE)
