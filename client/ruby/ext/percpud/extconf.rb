# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# Builds the extension of the gem. libpercpud comes from libpercpud-dev, by pkg-config, or
# from a checkout that was built: the one that this file is in, or that of
#
#     gem install percpud-0.1.0.gem -- --with-percpud-checkout=DIR [--with-percpud-build=DIR/build]

require "mkmf"

# Returns whether a checkout has the header and the library, and has them used.
def use_checkout(checkout, build)
  headers = File.join(checkout, "client/c")
  libraries = File.join(build, "lib")
  return false unless File.exist?(File.join(headers, "percpud.h")) &&
                      File.exist?(File.join(libraries, "libpercpud.so"))

  $INCFLAGS << " -I#{headers}"
  $LDFLAGS << " -L#{libraries} -Wl,-rpath,#{libraries}"
  $libs << " -lpercpud"
  true
end

checkout = with_config("percpud-checkout") || File.expand_path("../../../..", __dir__)
build = with_config("percpud-build") || File.join(checkout, "build")
unless use_checkout(checkout, build) || pkg_config("percpud-c")
  abort "libpercpud is not there: install libpercpud-dev, " \
        "or build the checkout (deploy/build percpud_c)"
end
$CFLAGS << " -std=gnu11 -fvisibility=hidden"
create_makefile("percpud/native")
