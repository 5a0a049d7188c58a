// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Series for Python: a Value is a counter or a gauge, a Distribution a histogram or a
// summary. Parts of a distribution are what prometheus_client has for its samples.

#ifndef PERCPUD_CLIENT_PYTHON_SRC_VALUE_H_
#define PERCPUD_CLIENT_PYTHON_SRC_VALUE_H_

#include "client/python/src/family.h"
#include "client/python/src/writer.h"

// Makes the object for a series of the family; `writer` is a Writer or None. NULL with an
// exception set.
PyObject* MakeSeriesObject(Family* family, PyObject* values, PyObject* writer);

PyObject* MakeDistribution(Family* family, PyObject* values, Writer* writer);

// Counts an observation by a Part, or by a Distribution. Returns 1, 0 with an exception
// set, or -1 if `object` is something else. REQUIRES: `amount` is a number of Python's.
int ObserveBy(PyObject* object, PyObject* amount);

// Takes one argument of a METH_FASTCALL | METH_KEYWORDS function, whose keyword is
// `name`. It may be missing if `missing` is not NULL. Returns NULL with an exception set.
PyObject* OneArgument(PyObject* const* args, Py_ssize_t count, PyObject* keywords, const char* name,
                      PyObject* missing);

#endif  // PERCPUD_CLIENT_PYTHON_SRC_VALUE_H_
