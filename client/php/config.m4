dnl Copyright 2026 The percpud Authors
dnl SPDX-License-Identifier: Apache-2.0
dnl
dnl For `phpize && ./configure && make`: against the package libpercpud-dev, or else against
dnl what the checkout has built.

PHP_ARG_ENABLE([percpud], [for percpud], [AS_HELP_STRING([--enable-percpud],
  [Metrics that all processes of an application share])], [yes])

if test "$PHP_PERCPUD" != "no"; then
  percpud_root=$(cd "$abs_srcdir/../.." && pwd -P)
  percpud_sources="src/collect.c src/fields.c src/handles.c src/inherit.c src/link.c src/module.c src/series.c src/store.c src/texts.c"
  AC_PATH_PROG([PKG_CONFIG], [pkg-config], [no])
  AC_MSG_CHECKING([for libpercpud])
  if test -r "$percpud_root/build/lib/libpercpud.so"; then
    AC_MSG_RESULT([$percpud_root/build/lib])
    PHP_ADD_LIBRARY_WITH_PATH([percpud], [$percpud_root/build/lib], [PERCPUD_SHARED_LIBADD])
  elif test "$PKG_CONFIG" != "no" && $PKG_CONFIG --exists percpud-c; then
    AC_MSG_RESULT([$($PKG_CONFIG --modversion percpud-c)])
    PHP_EVAL_LIBLINE([$($PKG_CONFIG --libs percpud-c)], [PERCPUD_SHARED_LIBADD])
  else
    AC_MSG_ERROR([neither is libpercpud-dev installed nor $percpud_root/build/lib/libpercpud.so built])
  fi
  PHP_SUBST([PERCPUD_SHARED_LIBADD])
  PHP_NEW_EXTENSION([percpud], [$percpud_sources], [$ext_shared],, [-std=gnu11 -I$percpud_root])
fi
