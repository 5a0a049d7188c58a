// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// percpud_family for Python. It opens series, and takes them away.

#ifndef PERCPUD_CLIENT_PYTHON_SRC_FAMILY_H_
#define PERCPUD_CLIENT_PYTHON_SRC_FAMILY_H_

#include "client/python/src/client.h"

typedef struct {
  PyObject_HEAD Client* client;
  percpud_family* handle;
  percpud_type type;
  uint32_t labels;
  // Buckets of a histogram, the one without a bound too; 1 for a summary; else 0.
  uint32_t buckets;
} Family;

// Opens the series with these label values, a sequence of strings, and waits for the
// daemon without Python's lock. `writer` may be NULL. Returns NULL with an exception set.
percpud_series* OpenSeries(Family* family, PyObject* values, const char* writer);

#endif  // PERCPUD_CLIENT_PYTHON_SRC_FAMILY_H_
