// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "value.h"

#include <math.h>

static void MarkValue(void* data) {
  const Value* const value = data;
  rb_gc_mark(value->owner);
  rb_gc_mark(value->values);
  rb_gc_mark(value->writer);
}

static const rb_data_type_t kValueType = {
    .wrap_struct_name = "Percpud::Native::Value",
    .function = {.dmark = MarkValue, .dfree = RUBY_TYPED_DEFAULT_FREE},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

Value* ValueOrNull(VALUE object) {
  return rb_typeddata_is_kind_of(object, &kValueType) ? DATA_PTR(object) : NULL;
}

static Value* ValueOf(VALUE object) { return rb_check_typeddata(object, &kValueType); }

static int IsGauge(const Value* value) { return value->family->type == PERCPUD_GAUGE; }

// In the child of a fork a gauge is in a cell of its own, which is waited for as for any
// opening.
static void BeginEra(Value* value) {
  const uint64_t era = EraOf(value->family->client);
  if (era == value->era) return;
  value->own = 0;
  value->era = era;
  if (IsGauge(value)) value->series = OpenSeries(value->family, value->values, value->writer);
}

static inline void Done(const Value* value) {
  PollSometimes(value->family->client, percpud_series_is_shared(value->series));
}

void AddToValue(Value* value, double amount) {
  BeginEra(value);
  if (IsGauge(value)) {
    percpud_adjust(value->series, amount);
  } else if (isfinite(amount)) {
    if (amount >= 0) {
      percpud_number_add(value->number, amount);
    } else {
      percpud_adjust(value->series, amount);
    }
    value->own += amount;
  }
  Done(value);
}

void SetValue(Value* value, double number) {
  BeginEra(value);
  if (!IsGauge(value)) {
    AddToValue(value, number - value->own);
    return;
  }
  percpud_set(value->series, number);
  Done(value);
}

double GetValue(Value* value) {
  if (IsGauge(value)) return percpud_get(value->series);
  BeginEra(value);
  return value->own;
}

static VALUE AllocateValue(VALUE class) {
  Value* value = NULL;
  const VALUE self = TypedData_Make_Struct(class, Value, &kValueType, value);
  value->owner = value->values = value->writer = Qnil;
  return self;
}

// Value.new(family, label values, writer): what opens a gauge also says whose it is;
// counters are one for all.
static VALUE Initialize(VALUE self, VALUE owner, VALUE values, VALUE writer) {
  Value* const value = ValueOf(self);
  const Family* const family = FamilyOf(owner);
  if (family->buckets != 0) rb_raise(rb_eArgError, "a histogram or summary is a Distribution");
  value->owner = owner;
  value->family = family;
  Check_Type(values, T_ARRAY);
  value->values = rb_ary_dup(values);
  value->writer = family->type == PERCPUD_GAUGE ? writer : Qnil;
  value->series = OpenSeries(family, value->values, value->writer);
  value->number = percpud_series_number(value->series);
  value->era = EraOf(family->client);
  return self;
}

// Raises TypeError for one that was not opened.
static Value* Opened(VALUE self) {
  Value* const value = ValueOf(self);
  if (value->series == NULL) rb_raise(rb_eTypeError, "a series is opened by its family");
  return value;
}

static double Amount(int count, const VALUE* arguments) {
  rb_check_arity(count, 0, 1);
  return count == 0 ? 1 : ToDouble(arguments[0]);
}

static VALUE Increment(int count, VALUE* arguments, VALUE self) {
  Value* const value = Opened(self);
  const double amount = Amount(count, arguments);
  if (amount < 0 && !IsGauge(value)) {
    rb_raise(rb_eArgError, "a counter is not added a negative amount to");
  }
  AddToValue(value, amount);
  return self;
}

static VALUE Decrement(int count, VALUE* arguments, VALUE self) {
  Value* const value = Opened(self);
  if (!IsGauge(value)) rb_raise(rb_eArgError, "a counter does not fall");
  AddToValue(value, -Amount(count, arguments));
  return self;
}

static VALUE Set(VALUE self, VALUE number) {
  SetValue(Opened(self), ToDouble(number));
  return self;
}

static VALUE Get(VALUE self) { return DBL2NUM(GetValue(Opened(self))); }

static VALUE Total(VALUE self) { return DBL2NUM(percpud_read_series(Opened(self)->series).sum); }

static VALUE IsShared(VALUE self) {
  return percpud_series_is_shared(Opened(self)->series) ? Qtrue : Qfalse;
}

void InitValue(VALUE module) {
  const VALUE class = DefineClass(module, "Value", AllocateValue);
  rb_define_method(class, "initialize", Initialize, 3);
  rb_define_method(class, "increment", Increment, -1);
  rb_define_method(class, "decrement", Decrement, -1);
  rb_define_method(class, "set", Set, 1);
  rb_define_method(class, "get", Get, 0);
  rb_define_method(class, "total", Total, 0);
  rb_define_method(class, "shared?", IsShared, 0);
}
