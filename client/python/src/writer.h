// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Who counts, as prometheus_client's `process_identifier` says: one process may be several
// writers, one after the other. Also what a process has counted itself, its own share,
// which begins anew with another writer and in the child of a fork.

#ifndef PERCPUD_CLIENT_PYTHON_SRC_WRITER_H_
#define PERCPUD_CLIENT_PYTHON_SRC_WRITER_H_

#include "client/python/src/module.h"

typedef struct {
  PyObject_HEAD
      // Called before each update.
      PyObject* identify;
  // What it has said last, and the same as bytes.
  PyObject* identity;
  PyObject* label;
  // How often it said something else than before.
  uint64_t changes;
} Writer;

// Asks who counts now. `writer` may be NULL: the process itself. Returns a number that
// changes with the writer and with a fork, or 0 with an exception set.
uint64_t CurrentEra(Writer* writer);

// Returns the writer's label; NULL for the process itself. REQUIRES: CurrentEra.
const char* LabelOf(const Writer* writer);

// Adds to a double that threads without a common lock may be adding to.
static inline void AddOwn(double* own, double amount) {
#ifdef Py_GIL_DISABLED
  double seen;
  __atomic_load(own, &seen, __ATOMIC_RELAXED);
  double sum = seen + amount;
  while (!__atomic_compare_exchange(own, &seen, &sum, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    sum = seen + amount;
  }
#else
  *own += amount;
#endif
}

#endif  // PERCPUD_CLIENT_PYTHON_SRC_WRITER_H_
