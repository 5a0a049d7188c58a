# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The daemon and its CLI, as a service of systemd; man pages made of --help.

install(TARGETS percpud percpud-gateway DESTINATION sbin COMPONENT percpud)
install(TARGETS percpuctl DESTINATION bin COMPONENT percpud)
install(FILES systemd/percpud.service systemd/percpud.socket
        systemd/percpud-gateway.service systemd/percpud-gateway.socket
  DESTINATION lib/systemd/system COMPONENT percpud)
install(FILES systemd/percpud.sysusers
  DESTINATION lib/sysusers.d RENAME percpud.conf COMPONENT percpud)
install(FILES systemd/percpud.tmpfiles
  DESTINATION lib/tmpfiles.d RENAME percpud.conf COMPONENT percpud)
install(FILES systemd/percpud.textproto DESTINATION /etc/percpud COMPONENT percpud)
install(FILES ${PROJECT_SOURCE_DIR}/proto/percpud/config/v1/config.proto
  DESTINATION share/doc/percpud COMPONENT percpud)

# Built by the target percpud_documents alone: packages need them, nobody else.
set(documents ${CMAKE_CURRENT_BINARY_DIR}/documents)
file(MAKE_DIRECTORY ${documents})
find_program(HELP2MAN help2man)

function(add_man_page program section component)
  set(page ${documents}/${program}.${section}.gz)
  add_custom_command(OUTPUT ${page}
    COMMAND ${HELP2MAN} --no-info --section=${section} --include=${CMAKE_CURRENT_SOURCE_DIR}/man/${program}.h2m
            --output=${documents}/${program}.${section} $<TARGET_FILE:${program}>
    COMMAND gzip -9nf ${documents}/${program}.${section}
    DEPENDS ${program} man/${program}.h2m VERBATIM)
  install(FILES ${page} DESTINATION share/man/man${section} COMPONENT ${component})
endfunction()
add_man_page(percpud 8 percpud)
add_man_page(percpud-gateway 8 percpud)
add_man_page(percpuctl 1 percpud)

add_custom_command(OUTPUT ${documents}/percpuctl
  COMMAND $<TARGET_FILE:percpuctl> completion bash > ${documents}/percpuctl
  DEPENDS percpuctl)
install(FILES ${documents}/percpuctl DESTINATION share/bash-completion/completions COMPONENT percpud)

set(PERCPUD_PACKAGE_VERSION ${PROJECT_VERSION} CACHE STRING "Version of the Debian packages")
file(CONFIGURE OUTPUT ${documents}/changelog CONTENT
"percpud (@PERCPUD_PACKAGE_VERSION@) bookworm; urgency=medium

  * What has changed is in the repository's log.

 -- The percpud Authors <percpud@percpud.invalid>  Mon, 23 Nov 2026 00:00:00 +0000
" @ONLY)
add_custom_command(OUTPUT ${documents}/changelog.gz
  COMMAND gzip -9nkf ${documents}/changelog DEPENDS ${documents}/changelog VERBATIM)

add_custom_target(percpud_documents DEPENDS
  ${documents}/percpud.8.gz ${documents}/percpud-gateway.8.gz ${documents}/percpuctl.1.gz
  ${documents}/percpud-exporter.1.gz ${documents}/percpud-fleet.8.gz ${documents}/percpuctl ${documents}/changelog.gz)
