# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# CPack: one Debian package per component.

set(deb ${CMAKE_CURRENT_SOURCE_DIR}/deb)
set(component_of_percpud percpud)
set(component_of_percpud-exporter exporter)
set(component_of_percpud-fleet fleet)
set(component_of_libpercpud0 lib)
set(component_of_libpercpud-dev dev)
set(component_of_python3-percpud python)
set(component_of_ruby-percpud ruby)
set(component_of_lua-percpud lua)
set(component_of_php8.2-percpud php)
set(component_of_node-percpud node)
set(packages percpud percpud-exporter percpud-fleet libpercpud0 libpercpud-dev python3-percpud lua-percpud)
if(TARGET percpud_ruby)
  list(APPEND packages ruby-percpud)
endif()
if(TARGET percpud_php)
  list(APPEND packages php8.2-percpud)
endif()
if(TARGET percpud_node)
  list(APPEND packages node-percpud)
endif()
set(CPACK_COMPONENTS_ALL)
foreach(package IN LISTS packages)
  set(component ${component_of_${package}})
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  install(FILES ${deb}/copyright.txt
    DESTINATION share/doc/${package} RENAME copyright COMPONENT ${component})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/documents/changelog.gz
    DESTINATION share/doc/${package} COMPONENT ${component})
endforeach()

file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/conffiles "/etc/percpud/percpud.textproto\n")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/php/conffiles "/etc/php/8.2/mods-available/percpud.ini\n")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME percpud)
set(CPACK_PACKAGE_VERSION ${PERCPUD_PACKAGE_VERSION})
set(CPACK_PACKAGE_CONTACT "The percpud Authors <percpud@percpud.invalid>")
set(CPACK_DEB_COMPONENT_INSTALL ON)
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

set(CPACK_DEBIAN_EXPORTER_PACKAGE_NAME percpud-exporter)
set(CPACK_DEBIAN_EXPORTER_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_EXPORTER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_EXPORTER_PACKAGE_DEPENDS
  "systemd (>= 247) | systemd-standalone-sysusers, init-system-helpers (>= 1.54)")
# Its user joins a group that percpud makes.
set(CPACK_DEBIAN_EXPORTER_PACKAGE_RECOMMENDS "percpud")
set(CPACK_COMPONENT_EXPORTER_DESCRIPTION "percpu memory for the processes of a host (metrics)
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel.

This package shows the metrics that applications keep there to Prometheus.")
set(CPACK_DEBIAN_EXPORTER_PACKAGE_CONTROL_EXTRA
  ${deb}/exporter/postinst ${deb}/exporter/prerm ${deb}/exporter/postrm)
set(CPACK_DEBIAN_EXPORTER_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_FLEET_PACKAGE_NAME percpud-fleet)
set(CPACK_DEBIAN_FLEET_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_FLEET_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FLEET_PACKAGE_DEPENDS
  "systemd (>= 247) | systemd-standalone-sysusers, init-system-helpers (>= 1.54)")
# Its user joins a group that percpud makes.
set(CPACK_DEBIAN_FLEET_PACKAGE_RECOMMENDS "percpud")
set(CPACK_COMPONENT_FLEET_DESCRIPTION "percpu memory for the processes of a host (fleet)
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel.

This package makes a host known to others through etcd: who is there, where
keys are placed, and whom Prometheus scrapes.")
set(CPACK_DEBIAN_FLEET_PACKAGE_CONTROL_EXTRA
  ${deb}/fleet/postinst ${deb}/fleet/prerm ${deb}/fleet/postrm)
set(CPACK_DEBIAN_FLEET_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_LIB_PACKAGE_NAME libpercpud0)
set(CPACK_DEBIAN_LIB_PACKAGE_SECTION libs)
# Written by hand: where CPack looks for them it also adds scripts that call ldconfig,
# which the trigger does.
set(CPACK_DEBIAN_LIB_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_LIB_PACKAGE_DEPENDS "libc6 (>= 2.36)")
set(CPACK_DEBIAN_LIB_PACKAGE_CONTROL_EXTRA ${deb}/lib/triggers ${deb}/lib/shlibs)
set(CPACK_DEBIAN_LIB_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_COMPONENT_LIB_DESCRIPTION "percpu memory for the processes of a host (C library)
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel.

This package has the library of programs that keep counters and metrics there.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libpercpud-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
  "libpercpud0 (= ${PERCPUD_PACKAGE_VERSION}), libabsl-dev, libgrpc++-dev, libprotobuf-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION "percpu memory for the processes of a host (C and C++)
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel.

This package has what programs are built with: the C++ SDK as a static library
with a CMake package, the C library's header, and pkg-config files of both.")

set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-percpud)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS
  "libpercpud0 (= ${PERCPUD_PACKAGE_VERSION}), libc6 (>= 2.36), python3 (>= 3.10)")
set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS "percpud")
set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS "python3-prometheus-client")
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA ${deb}/python/postinst ${deb}/python/prerm)
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_COMPONENT_PYTHON_DESCRIPTION "percpu memory for the processes of a host (Python)
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel.

This package has metrics for Python that all processes of an application share,
also for applications that use prometheus_client.")

set(CPACK_DEBIAN_LUA_PACKAGE_NAME lua-percpud)
set(CPACK_DEBIAN_LUA_PACKAGE_SECTION interpreters)
set(CPACK_DEBIAN_LUA_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_LUA_PACKAGE_DEPENDS "libpercpud0 (>= ${PERCPUD_PACKAGE_VERSION})")
set(CPACK_DEBIAN_LUA_PACKAGE_RECOMMENDS "percpud, libnginx-mod-http-lua | luajit2 | luajit")
set(CPACK_COMPONENT_LUA_DESCRIPTION "percpu memory for the processes of a host (LuaJIT)
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel.

This package has metrics that all workers of nginx share, for its Lua module
and for LuaJIT, with the API of nginx-lua-prometheus.")

set(CPACK_DEBIAN_RUBY_PACKAGE_NAME ruby-percpud)
set(CPACK_DEBIAN_RUBY_PACKAGE_SECTION ruby)
# Ruby's ABI is that of a minor version.
string(REGEX REPLACE "^([0-9]+\\.[0-9]+).*" "\\1" ruby_minor "${PERCPUD_RUBY_VERSION}")
set(CPACK_DEBIAN_RUBY_PACKAGE_DEPENDS
  "libpercpud0 (= ${PERCPUD_PACKAGE_VERSION}), libc6 (>= 2.36), libruby${ruby_minor}, ruby")
set(CPACK_DEBIAN_RUBY_PACKAGE_RECOMMENDS "percpud")
set(CPACK_COMPONENT_RUBY_DESCRIPTION "percpu memory for the processes of a host (Ruby)
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel.

This package has metrics for Ruby that all processes of an application share,
and a data store of Prometheus's client.")

set(CPACK_DEBIAN_PHP_PACKAGE_NAME php8.2-percpud)
set(CPACK_DEBIAN_PHP_PACKAGE_SECTION php)
set(CPACK_DEBIAN_PHP_PACKAGE_DEPENDS
  "libpercpud0 (= ${PERCPUD_PACKAGE_VERSION}), libc6 (>= 2.36), php8.2-common, phpapi-${PERCPUD_PHP_API}")
set(CPACK_DEBIAN_PHP_PACKAGE_RECOMMENDS "percpud")
set(CPACK_DEBIAN_PHP_PACKAGE_CONTROL_EXTRA
  ${CMAKE_CURRENT_BINARY_DIR}/php/conffiles ${deb}/php/postinst ${deb}/php/postrm)
set(CPACK_DEBIAN_PHP_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_COMPONENT_PHP_DESCRIPTION "percpu memory for the processes of a host (PHP)
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel.

This package has a storage of metrics that all processes of an application
share, for applications that use promphp/prometheus_client_php.")

set(CPACK_DEBIAN_NODE_PACKAGE_NAME node-percpud)
set(CPACK_DEBIAN_NODE_PACKAGE_SECTION javascript)
set(CPACK_DEBIAN_NODE_PACKAGE_DEPENDS
  "libpercpud0 (= ${PERCPUD_PACKAGE_VERSION}), libc6 (>= 2.36), nodejs (>= 18)")
set(CPACK_DEBIAN_NODE_PACKAGE_RECOMMENDS "percpud")
set(CPACK_COMPONENT_NODE_DESCRIPTION "percpu memory for the processes of a host (Node)
A daemon that owns a shared-memory arena and serves percpu areas to the
processes of a host, as the Linux percpu allocator serves the kernel.

This package has metrics for Node that all processes of an application share,
with prom-client's interface.")

include(CPack)
