// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Series for Ruby: a counter or a gauge is a Value; a histogram or a summary is a
// Distribution, whose counts and sum are Parts.

#ifndef PERCPUD_CLIENT_RUBY_EXT_PERCPUD_VALUE_H_
#define PERCPUD_CLIENT_RUBY_EXT_PERCPUD_VALUE_H_

#include "family.h"

typedef struct {
  VALUE owner;
  // What it was opened with: the label values, and of a gauge whose it is.
  VALUE values;
  VALUE writer;
  const Family* family;
  percpud_series* series;
  // NULL of a gauge.
  percpud_number* number;
  // What was counted through this object in this era; the library has a gauge's.
  double own;
  uint64_t era;
} Value;

// The part that is the sum of the observations; buckets have numbers from 0.
#define PART_SUM (-1)

typedef struct {
  VALUE owner;
  const Family* family;
  percpud_series* series;
  // What was counted through this object in this era: the sum, and then each bucket's
  // count.
  double* own;
  uint64_t era;
} Distribution;

typedef struct {
  // A Distribution.
  VALUE whole;
  int32_t bucket;
} Part;

// Return NULL if it is another object.
Value* ValueOrNull(VALUE object);
Part* PartOrNull(VALUE object);
Distribution* WholeOf(const Part* part);

// A counter takes what is finite, below zero too.
void AddToValue(Value* value, double amount);
// A counter's own share is set.
void SetValue(Value* value, double number);
double GetValue(Value* value);

// Counts a finite amount in the own share alone. Returns how many whole observations that
// is more than before, 0 of a sum.
int64_t AddToOwn(Part* part, double amount);
double GetOwn(const Part* part);
// Adds to the shared cell: `bucket` may be PART_SUM, for the sum alone.
void AddToCell(Distribution* whole, int32_t bucket, int64_t count, double sum);

#endif  // PERCPUD_CLIENT_RUBY_EXT_PERCPUD_VALUE_H_
