// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Methods of prometheus_client's classes as C functions. Each does what is common itself,
// and calls the method that it replaces for all else.

#ifndef PERCPUD_CLIENT_PYTHON_SRC_METHODS_H_
#define PERCPUD_CLIENT_PYTHON_SRC_METHODS_H_

#include "client/python/src/module.h"

// method(class, "labels" or "observe"): the method, for that class and those below it. It
// finds the method that it replaces as the class's `_percpud_labels` or `_percpud_observe`.
PyObject* ReplaceMethod(PyObject* module, PyObject* args);
extern const char kReplaceMethodDoc[];

#endif  // PERCPUD_CLIENT_PYTHON_SRC_METHODS_H_
