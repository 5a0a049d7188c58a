// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "family.h"

#include <ruby/thread.h>

static void MarkFamily(void* data) { rb_gc_mark(((Family*)data)->owner); }

static const rb_data_type_t kFamilyType = {
    .wrap_struct_name = "Percpud::Native::Family",
    .function = {.dmark = MarkFamily, .dfree = RUBY_TYPED_DEFAULT_FREE},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

Family* FamilyOf(VALUE family) { return rb_check_typeddata(family, &kFamilyType); }

static VALUE AllocateFamily(VALUE class) {
  Family* family = NULL;
  const VALUE self = TypedData_Make_Struct(class, Family, &kFamilyType, family);
  family->owner = Qnil;
  return self;
}

// Fills `out` with the strings of an array, which stay its. Raises what StringValueCStr does.
static void TakeTexts(VALUE array, const char** out) {
  for (long i = 0; i < RARRAY_LEN(array); ++i) {
    VALUE text = RARRAY_AREF(array, i);
    out[i] = StringValueCStr(text);
  }
}

// What a thread without Ruby's lock opens or takes away.
typedef struct {
  const Family* family;
  // NULL: of all series.
  const char** values;
  const char* writer;
  int milliseconds;
  percpud_series* series;
  int64_t taken;
} Wish;

static void* OpenUnlocked(void* data) {
  Wish* const wish = data;
  percpud_family* const handle = wish->family->handle;
  wish->series = wish->writer == NULL ? percpud_series_open(handle, wish->values)
                                      : percpud_series_open_as(handle, wish->values, wish->writer);
  return NULL;
}

static void CheckValues(const Family* family, VALUE values) {
  Check_Type(values, T_ARRAY);
  if (RARRAY_LEN(values) != (long)family->labels) {
    rb_raise(rb_eArgError, "%ld label values for %u labels", RARRAY_LEN(values), family->labels);
  }
}

percpud_series* OpenSeries(const Family* family, VALUE values, VALUE writer) {
  CheckValues(family, values);
  VALUE buffer = 0;
  Wish wish = {.family = family,
               .values = ALLOCV_N(const char*, buffer, family->labels + 1),
               .writer = NIL_P(writer) ? NULL : StringValueCStr(writer)};
  TakeTexts(values, wish.values);
  rb_thread_call_without_gvl(OpenUnlocked, &wish, NULL, NULL);
  ALLOCV_END(buffer);
  RB_GC_GUARD(values);
  RB_GC_GUARD(writer);
  TellNotices(family->client);
  if (wish.series == NULL) rb_raise(rb_eNoMemError, "no memory for a series");
  return wish.series;
}

static uint32_t BucketsOf(percpud_type type, uint32_t bounds) {
  if (type == PERCPUD_HISTOGRAM) return bounds + 1;
  return type == PERCPUD_SUMMARY ? 1 : 0;
}

// Family.new(client, name, type, help, label names, fold, flags, bounds, unit)
static VALUE Initialize(int count, VALUE* arguments, VALUE self) {
  rb_check_arity(count, 9, 9);
  Family* const family = FamilyOf(self);
  VALUE labels = rb_Array(arguments[4]);
  VALUE bounds = rb_Array(arguments[7]);
  VALUE label_buffer = 0;
  VALUE bound_buffer = 0;
  const char** const names = ALLOCV_N(const char*, label_buffer, RARRAY_LEN(labels) + 1);
  double* const limits = ALLOCV_N(double, bound_buffer, RARRAY_LEN(bounds) + 1);
  TakeTexts(labels, names);
  for (long i = 0; i < RARRAY_LEN(bounds); ++i) limits[i] = ToDouble(RARRAY_AREF(bounds, i));
  const percpud_family_options options = {
      .size = sizeof(options),
      .name = StringValueCStr(arguments[1]),
      .help = NIL_P(arguments[3]) ? NULL : StringValueCStr(arguments[3]),
      .unit = NIL_P(arguments[8]) ? NULL : StringValueCStr(arguments[8]),
      .type = (percpud_type)NUM2INT(arguments[2]),
      .fold = (percpud_fold)NUM2INT(arguments[5]),
      .flags = NUM2UINT(arguments[6]),
      .label_count = (uint32_t)RARRAY_LEN(labels),
      .label_names = names,
      .bound_count = (uint32_t)RARRAY_LEN(bounds),
      .bounds = limits,
  };
  family->client = ClientOf(arguments[0]);
  family->owner = arguments[0];
  family->handle = percpud_family_open(family->client->handle, &options);
  ALLOCV_END(label_buffer);
  ALLOCV_END(bound_buffer);
  RB_GC_GUARD(labels);
  RB_GC_GUARD(bounds);
  if (family->handle == NULL) {
    rb_raise(rb_eArgError, "%s: its type, its labels or its buckets cannot be", options.name);
  }
  family->type = options.type;
  family->labels = options.label_count;
  family->buckets = BucketsOf(options.type, options.bound_count);
  return self;
}

static void* RemoveUnlocked(void* data) {
  Wish* const wish = data;
  percpud_family* const handle = wish->family->handle;
  wish->taken = wish->values == NULL ? percpud_remove_all(handle, wish->milliseconds)
                                     : percpud_remove(handle, wish->values, wish->milliseconds);
  return NULL;
}

// remove(label values or nil for all, milliseconds): how many series.
static VALUE Remove(VALUE self, VALUE values, VALUE milliseconds) {
  const Family* const family = FamilyOf(self);
  Wish wish = {.family = family, .milliseconds = NUM2INT(milliseconds)};
  VALUE buffer = 0;
  if (!NIL_P(values)) {
    CheckValues(family, values);
    wish.values = ALLOCV_N(const char*, buffer, family->labels + 1);
    TakeTexts(values, wish.values);
  }
  rb_thread_call_without_gvl(RemoveUnlocked, &wish, NULL, NULL);
  ALLOCV_END(buffer);
  RB_GC_GUARD(values);
  TellNotices(family->client);
  if (wish.taken < 0) RaiseReason(family->client);
  return LL2NUM(wish.taken);
}

void InitFamily(VALUE module) {
  const VALUE class = DefineClass(module, "Family", AllocateFamily);
  rb_define_method(class, "initialize", Initialize, -1);
  rb_define_method(class, "remove", Remove, 2);
}
