# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The agent of a fleet, as a service of systemd and a user of its own.

install(TARGETS percpud-fleet DESTINATION sbin COMPONENT fleet)
install(FILES systemd/percpud-fleet.service
  DESTINATION lib/systemd/system COMPONENT fleet)
install(FILES systemd/percpud-fleet.sysusers
  DESTINATION lib/sysusers.d RENAME percpud-fleet.conf COMPONENT fleet)
install(FILES systemd/fleet.conf
  DESTINATION share/doc/percpud-fleet/examples COMPONENT fleet)
add_man_page(percpud-fleet 8 fleet)
