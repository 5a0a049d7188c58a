// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a process has open, found by a metric's name and its label values.

#ifndef PERCPUD_CLIENT_PHP_SRC_HANDLES_H_
#define PERCPUD_CLIENT_PHP_SRC_HANDLES_H_

#include "client/php/src/link.h"

// A series, as the instructions of percpud_inline.h take it.
typedef struct {
  percpud_series* series;
  // NULL unless it is a counter.
  percpud_number* number;
  // NULL unless it is a histogram or a summary.
  percpud_histogram* histogram;
} Handle;

// Returns the series of $data, which it opens first if need be. NULL if memory is short, or
// with an exception set if $data describes none. The handle stays until the link forgets it.
const Handle* FindHandle(Link* link, percpud_type type, const HashTable* data);

// Keeps the series that a collection shows, unless it is kept already: `open` is called for it
// then, and returns NULL if it is not to be kept.
typedef percpud_series* (*OpenInherited)(Link* link, const percpud_family_view* family,
                                         const percpud_series_view* what);
void InheritHandle(Link* link, const percpud_family_view* family, const percpud_series_view* what,
                   OpenInherited open);

// Tables of all types, empty.
void InitHandles(HashTable* metrics);
void ForgetHandles(HashTable* metrics);
void EndHandles(HashTable* metrics);

#endif  // PERCPUD_CLIENT_PHP_SRC_HANDLES_H_
