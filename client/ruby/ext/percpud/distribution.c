// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Histograms and summaries. Prometheus's client increments two numbers for an
// observation; here those are parts of one series, and of one cell.

#include <math.h>

#include "value.h"

static void MarkWhole(void* data) { rb_gc_mark(((Distribution*)data)->owner); }

static void FreeWhole(void* data) {
  xfree(((Distribution*)data)->own);
  xfree(data);
}

static const rb_data_type_t kWholeType = {
    .wrap_struct_name = "Percpud::Native::Distribution",
    .function = {.dmark = MarkWhole, .dfree = FreeWhole},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static void MarkPart(void* data) { rb_gc_mark(((Part*)data)->whole); }

static const rb_data_type_t kPartType = {
    .wrap_struct_name = "Percpud::Native::Part",
    .function = {.dmark = MarkPart, .dfree = RUBY_TYPED_DEFAULT_FREE},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

Part* PartOrNull(VALUE object) {
  return rb_typeddata_is_kind_of(object, &kPartType) ? DATA_PTR(object) : NULL;
}

Distribution* WholeOf(const Part* part) { return DATA_PTR(part->whole); }

static void BeginEra(Distribution* whole) {
  const uint64_t era = EraOf(whole->family->client);
  if (era == whole->era) return;
  for (uint32_t i = 0; i <= whole->family->buckets; ++i) whole->own[i] = 0;
  whole->era = era;
}

int64_t AddToOwn(Part* part, double amount) {
  Distribution* const whole = WholeOf(part);
  BeginEra(whole);
  double* const own = &whole->own[1 + part->bucket];
  const double before = *own;
  *own += amount;
  return part->bucket == PART_SUM ? 0 : (int64_t)floor(*own) - (int64_t)floor(before);
}

double GetOwn(const Part* part) {
  Distribution* const whole = WholeOf(part);
  BeginEra(whole);
  return whole->own[1 + part->bucket];
}

void AddToCell(Distribution* whole, int32_t bucket, int64_t count, double sum) {
  if (bucket == PART_SUM) {
    percpud_add_to_sum(whole->series, sum);
  } else {
    percpud_adjust_cell(whole->series, (uint32_t)bucket, count, sum);
  }
  PollSometimes(whole->family->client, percpud_series_is_shared(whole->series));
}

static VALUE AllocateWhole(VALUE class) {
  Distribution* whole = NULL;
  const VALUE self = TypedData_Make_Struct(class, Distribution, &kWholeType, whole);
  whole->owner = Qnil;
  return self;
}

// Distribution.new(family, label values)
static VALUE InitializeWhole(VALUE self, VALUE owner, VALUE values) {
  Distribution* const whole = rb_check_typeddata(self, &kWholeType);
  const Family* const family = FamilyOf(owner);
  if (family->buckets == 0) rb_raise(rb_eArgError, "a counter or gauge is a Value");
  if (whole->own != NULL) rb_raise(rb_eArgError, "a series is opened once");
  whole->owner = owner;
  whole->family = family;
  whole->own = ZALLOC_N(double, 1 + (size_t)family->buckets);
  whole->series = OpenSeries(family, values, Qnil);
  whole->era = EraOf(family->client);
  return self;
}

// Raises TypeError for one that was not opened.
static Distribution* Opened(VALUE self) {
  Distribution* const whole = rb_check_typeddata(self, &kWholeType);
  if (whole->series == NULL) rb_raise(rb_eTypeError, "a series is opened by its family");
  return whole;
}

// An observation that is not a number is not counted: one of them would make the sum
// useless for good.
static VALUE Observe(VALUE self, VALUE amount) {
  Distribution* const whole = Opened(self);
  const double value = ToDouble(amount);
  if (isnan(value)) return self;
  AddToCell(whole, (int32_t)percpud_bucket_of(whole->family->handle, value), 1, value);
  return self;
}

static VALUE Sum(VALUE self) { return DBL2NUM(percpud_read_series(Opened(self)->series).sum); }

static VALUE Count(VALUE self) { return ULL2NUM(percpud_read_series(Opened(self)->series).count); }

static VALUE IsWholeShared(VALUE self) {
  return percpud_series_is_shared(Opened(self)->series) ? Qtrue : Qfalse;
}

// part(bucket): its count, not cumulative; -1 is the sum.
static VALUE TakePart(VALUE self, VALUE bucket) {
  const Distribution* const whole = Opened(self);
  const int number = NUM2INT(bucket);
  if (number < PART_SUM || number >= (int)whole->family->buckets) {
    rb_raise(rb_eIndexError, "there is no bucket %d", number);
  }
  Part* part = NULL;
  const VALUE class = rb_const_get(rb_path2class("Percpud::Native"), rb_intern("Part"));
  const VALUE out = TypedData_Make_Struct(class, Part, &kPartType, part);
  part->whole = self;
  part->bucket = number;
  return out;
}

static const Part* CheckedPart(VALUE self) { return rb_check_typeddata(self, &kPartType); }

// What a part shows while its series is local: what this process has counted.
static VALUE PartTotal(VALUE self) { return DBL2NUM(GetOwn(CheckedPart(self))); }

static VALUE IsPartShared(VALUE self) { return IsWholeShared(CheckedPart(self)->whole); }

void InitDistribution(VALUE module) {
  const VALUE whole = DefineClass(module, "Distribution", AllocateWhole);
  rb_define_method(whole, "initialize", InitializeWhole, 2);
  rb_define_method(whole, "observe", Observe, 1);
  rb_define_method(whole, "part", TakePart, 1);
  rb_define_method(whole, "sum", Sum, 0);
  rb_define_method(whole, "count", Count, 0);
  rb_define_method(whole, "shared?", IsWholeShared, 0);
  const VALUE part = rb_define_class_under(module, "Part", rb_cObject);
  rb_undef_alloc_func(part);
  rb_define_method(part, "total", PartTotal, 0);
  rb_define_method(part, "shared?", IsPartShared, 0);
}
