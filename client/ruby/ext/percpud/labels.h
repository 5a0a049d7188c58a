// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is known by label sets, and by who counts. The order of the labels does not
// matter, and neither does whether a value is a string or something else with the same
// text. A look-up allocates nothing if names are symbols and values strings or symbols.

#ifndef PERCPUD_CLIENT_RUBY_EXT_PERCPUD_LABELS_H_
#define PERCPUD_CLIENT_RUBY_EXT_PERCPUD_LABELS_H_

#include <stddef.h>

#include "native.h"

typedef struct {
  uint64_t hash;
  // nil: the process itself; or the number that Process.pid was said to be.
  VALUE writer;
  // What is known; 0 of an entry that is free.
  VALUE target;
  // Label names (symbols) and values (frozen strings) in turn; its own.
  VALUE* pairs;
  size_t count;
} LabelEntry;

// Begins as zeros. Never shrinks: nothing that was known is forgotten.
typedef struct {
  LabelEntry* entries;
  size_t capacity;
  size_t used;
} LabelTable;

// What is looked for. Its values are kept from the garbage collector by `held`.
typedef struct {
  uint64_t hash;
  VALUE writer;
  VALUE* pairs;
  size_t count;
  VALUE held;
} LabelKey;

// Reads a Hash into `key`, whose `pairs` has room for all of it. Raises TypeError for other
// objects.
void ReadLabels(VALUE labels, LabelKey* key);
// The pairs as a Hash, with values that nobody changes.
VALUE CopyLabels(const LabelKey* key);

// Returns 0 if it is not known.
VALUE FindLabels(const LabelTable* table, const LabelKey* key);
// Adds what FindLabels did not know. `copied` is what CopyLabels has made of the key.
void AddLabels(LabelTable* table, const LabelKey* key, VALUE copied, VALUE target);

void MarkLabels(const LabelTable* table);
void FreeLabels(LabelTable* table);

#endif  // PERCPUD_CLIENT_RUBY_EXT_PERCPUD_LABELS_H_
