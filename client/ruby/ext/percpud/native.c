// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The extension percpud/native: libpercpud for Ruby. Percpud::Native is for the Ruby
// sources beside it, and no interface of the gem.

#include "native.h"

#include <pthread.h>

// Where the packaged daemon listens.
static const char kDefaultAddress[] = "unix:/run/percpud/percpud.sock";

static uint64_t g_forks = 1;

static void CountFork(void) { ++g_forks; }

uint64_t Forks(void) { return g_forks; }

double ToDouble(VALUE number) {
  if (RB_FLOAT_TYPE_P(number)) return RFLOAT_VALUE(number);
  if (FIXNUM_P(number)) return (double)FIX2LONG(number);
  return NUM2DBL(rb_Float(number));
}

VALUE DefineClass(VALUE module, const char* name, rb_alloc_func_t allocate) {
  const VALUE class = rb_define_class_under(module, name, rb_cObject);
  rb_define_alloc_func(class, allocate);
  rb_undef_method(CLASS_OF(class), "allocate");
  rb_undef_method(class, "initialize_copy");
  return class;
}

static void DefineConstants(VALUE module) {
  static const struct {
    const char* name;
    int value;
  } constants[] = {
      {"COUNTER", PERCPUD_COUNTER},         {"GAUGE", PERCPUD_GAUGE},
      {"HISTOGRAM", PERCPUD_HISTOGRAM},     {"SUMMARY", PERCPUD_SUMMARY},
      {"FOLD_ALL", PERCPUD_FOLD_ALL},       {"FOLD_MIN", PERCPUD_FOLD_MIN},
      {"FOLD_MAX", PERCPUD_FOLD_MAX},       {"FOLD_SUM", PERCPUD_FOLD_SUM},
      {"FOLD_SHARED", PERCPUD_FOLD_SHARED}, {"FOLD_MOST_RECENT", PERCPUD_FOLD_MOST_RECENT},
      {"LIVE_ONLY", PERCPUD_LIVE_ONLY},     {"TEXT", PERCPUD_TEXT},
      {"OPENMETRICS", PERCPUD_OPENMETRICS},
  };
  for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); ++i) {
    rb_define_const(module, constants[i].name, INT2FIX(constants[i].value));
  }
  rb_define_const(module, "DEFAULT_ADDRESS", rb_obj_freeze(rb_utf8_str_new_cstr(kDefaultAddress)));
  rb_define_const(module, "VERSION", rb_obj_freeze(rb_utf8_str_new_cstr(percpud_version())));
}

RUBY_FUNC_EXPORTED void Init_native(void);

// Ruby calls it once, when the extension is loaded.
void Init_native(void) {
  pthread_atfork(NULL, NULL, &CountFork);
  const VALUE percpud = rb_define_module("Percpud");
  const VALUE module = rb_define_module_under(percpud, "Native");
  DefineConstants(module);
  rb_define_class_under(percpud, "Error", rb_eStandardError);
  InitClient(module);
  InitFamily(module);
  InitValue(module);
  InitDistribution(module);
  InitStore(module);
}
