# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The extension for PHP and the class on it (component php), where Debian's PHP looks for them.

install(TARGETS percpud_php LIBRARY DESTINATION lib/php/${PERCPUD_PHP_API} COMPONENT php)
install(FILES
  ${PROJECT_SOURCE_DIR}/client/php/Percpud/Storage.php
  ${PROJECT_SOURCE_DIR}/client/php/Percpud/autoload.php
  DESTINATION share/php/Percpud COMPONENT php)
install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/deb/php/percpud.ini
  DESTINATION /etc/php/8.2/mods-available COMPONENT php)
