// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_PYTHON_SRC_COLLECT_H_
#define PERCPUD_CLIENT_PYTHON_SRC_COLLECT_H_

#include "client/python/src/module.h"

// Client.collect(family, milliseconds). Returns (fresh, families), each family as
//
//     (name, help, unit, type, fold, flags, label names, bounds, series)
//
// and each series as
//
//     (label values, value, count, buckets, writers, whether it is set)
//
// where `buckets` are cumulative counts and `writers` are (label, value, timestamp, live).
PyObject* CollectClient(PyObject* self, PyObject* args);

#endif  // PERCPUD_CLIENT_PYTHON_SRC_COLLECT_H_
