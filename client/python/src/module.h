// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the sources of the extension share: its state, which every interpreter has for
// itself, and helpers for types on the stable ABI.

#ifndef PERCPUD_CLIENT_PYTHON_SRC_MODULE_H_
#define PERCPUD_CLIENT_PYTHON_SRC_MODULE_H_

// Slots of Python's types are functions that are kept as pointers to data.
#pragma GCC diagnostic ignored "-Wpedantic"

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#include "client/c/percpud.h"

typedef struct {
  PyTypeObject* client;
  PyTypeObject* family;
  PyTypeObject* writer;
  PyTypeObject* value;
  PyTypeObject* distribution;
  PyTypeObject* part;
} ModuleState;

// The types, made by their sources. NULL with an exception set.
PyTypeObject* MakeClientType(PyObject* module);
PyTypeObject* MakeFamilyType(PyObject* module);
PyTypeObject* MakeWriterType(PyObject* module);
PyTypeObject* MakeValueType(PyObject* module);
PyTypeObject* MakeDistributionType(PyObject* module);
PyTypeObject* MakePartType(PyObject* module);

// Returns the state of the module that made `object`'s type, which no one subclasses.
ModuleState* StateOf(PyObject* object);

// Frees an object of a type that was made at run time, which each of its objects keeps.
void FreeObject(PyObject* object);

// A number that changes when this process is the child of a fork: what a process has
// counted itself begins anew there.
uint64_t Forks(void);

// Returns a number as a double; -1 with an exception set if it is not a number.
double ToDouble(PyObject* number);

#endif  // PERCPUD_CLIENT_PYTHON_SRC_MODULE_H_
