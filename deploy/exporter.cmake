# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The exporter, as a service of systemd and a user of its own.

install(TARGETS percpud-exporter DESTINATION bin COMPONENT exporter)
install(FILES systemd/percpud-exporter.service
  DESTINATION lib/systemd/system COMPONENT exporter)
install(FILES systemd/percpud-exporter.sysusers
  DESTINATION lib/sysusers.d RENAME percpud-exporter.conf COMPONENT exporter)
install(FILES prometheus/prometheus.yml prometheus/percpud.rules.yml grafana/percpud.json
  DESTINATION share/doc/percpud-exporter/examples COMPONENT exporter)
add_man_page(percpud-exporter 1 exporter)
