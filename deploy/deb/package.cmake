# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# CPack: one Debian package per component.

set(deb ${CMAKE_CURRENT_SOURCE_DIR}/deb)
foreach(package IN ITEMS percpud libpercpud-dev)
  set(component percpud)
  if(package STREQUAL "libpercpud-dev")
    set(component dev)
  endif()
  install(FILES ${deb}/copyright.txt
    DESTINATION share/doc/${package} RENAME copyright COMPONENT ${component})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/documents/changelog.gz
    DESTINATION share/doc/${package} COMPONENT ${component})
endforeach()

file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/conffiles "/etc/percpud/percpud.textproto\n")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME percpud)
set(CPACK_PACKAGE_VERSION ${PERCPUD_PACKAGE_VERSION})
set(CPACK_PACKAGE_CONTACT "The percpud Authors <percpud@percpud.invalid>")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL percpud dev)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_STRIP_FILES ON)
# /etc is outside the prefix.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_PERCPUD_PACKAGE_NAME percpud)
set(CPACK_DEBIAN_PERCPUD_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PERCPUD_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PERCPUD_PACKAGE_DEPENDS
  "systemd (>= 247) | systemd-standalone-sysusers, init-system-helpers (>= 1.54)")
set(CPACK_COMPONENT_PERCPUD_DESCRIPTION "percpu memory for the processes of a host
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel: one area
has a copy for every CPU, and counting on the own one needs no call and no
lock. What was granted outlives the daemon.

This package has the daemon, as a service of systemd, and percpuctl.")
set(CPACK_DEBIAN_PERCPUD_PACKAGE_CONTROL_EXTRA
  ${CMAKE_CURRENT_BINARY_DIR}/conffiles ${deb}/postinst ${deb}/prerm ${deb}/postrm)
set(CPACK_DEBIAN_PERCPUD_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libpercpud-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libabsl-dev, libgrpc++-dev, libprotobuf-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION "percpu memory for the processes of a host (C++ SDK)
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel.

This package has the SDK: static library, headers, CMake package, pkg-config.")

include(CPack)
