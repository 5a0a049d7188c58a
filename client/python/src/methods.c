// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/python/src/methods.h"

#include <string.h>

#include "client/python/src/value.h"

const char kReplaceMethodDoc[] =
    "method(class, name): `labels` or `observe` of a class of prometheus_client as a C function.";

// Calls the method of `self` with arguments as METH_FASTCALL | METH_KEYWORDS has them.
static PyObject* CallMethod(PyObject* self, const char* name, PyObject* const* args,
                            Py_ssize_t count, PyObject* keywords) {
  PyObject* const method = PyObject_GetAttrString(self, name);
  PyObject* const positional = PyTuple_New(count);
  PyObject* const named = PyDict_New();
  PyObject* out = NULL;
  int sound = method != NULL && positional != NULL && named != NULL;
  for (Py_ssize_t i = 0; sound && i < count; ++i) {
    sound = PyTuple_SetItem(positional, i, Py_NewRef(args[i])) == 0;
  }
  const Py_ssize_t names = keywords == NULL ? 0 : PyTuple_Size(keywords);
  for (Py_ssize_t i = 0; sound && i < names; ++i) {
    sound = PyDict_SetItem(named, PyTuple_GetItem(keywords, i), args[count + i]) == 0;
  }
  if (sound) out = PyObject_Call(method, positional, named);
  Py_XDECREF(method);
  Py_XDECREF(positional);
  Py_XDECREF(named);
  return out;
}

// The argument for a label, which callers mostly name with the very same string.
static PyObject* ArgumentFor(PyObject* label, PyObject* const* args, PyObject* keywords) {
  const Py_ssize_t names = PyTuple_Size(keywords);
  for (Py_ssize_t i = 0; i < names; ++i) {
    if (PyTuple_GetItem(keywords, i) == label) return args[i];
  }
  for (Py_ssize_t i = 0; i < names; ++i) {
    if (PyUnicode_Compare(PyTuple_GetItem(keywords, i), label) == 0) return args[i];
  }
  return NULL;
}

// Returns the label values in the labels' order as strings: what prometheus_client keeps
// children by. NULL if the arguments are not such.
static PyObject* KeyOf(PyObject* labels, PyObject* const* args, Py_ssize_t count,
                       PyObject* keywords) {
  const Py_ssize_t named = keywords == NULL ? 0 : PyTuple_Size(keywords);
  const Py_ssize_t wanted = PyTuple_Size(labels);
  if (wanted <= 0 || (count != 0 && named != 0) || count + named != wanted) return NULL;
  PyObject* const key = PyTuple_New(wanted);
  for (Py_ssize_t i = 0; key != NULL && i < wanted; ++i) {
    PyObject* const argument =
        named == 0 ? args[i] : ArgumentFor(PyTuple_GetItem(labels, i), args, keywords);
    PyObject* const text = argument == NULL ? NULL : PyObject_Str(argument);
    if (text == NULL || PyTuple_SetItem(key, i, text) != 0) {
      Py_DECREF(key);
      return NULL;
    }
  }
  return key;
}

// Returns the child that `self` has for these labels; NULL, without an exception, if it
// is not so simple.
static PyObject* KnownChild(PyObject* self, PyObject* const* args, Py_ssize_t count,
                            PyObject* keywords) {
  PyObject* const labels = PyObject_GetAttrString(self, "_labelnames");
  PyObject* const children = labels == NULL ? NULL : PyObject_GetAttrString(self, "_metrics");
  PyObject* child = NULL;
  if (children != NULL && PyDict_CheckExact(children) && PyTuple_CheckExact(labels)) {
    PyObject* const key = KeyOf(labels, args, count, keywords);
#ifdef Py_GIL_DISABLED
    if (key != NULL && PyDict_GetItemRef(children, key, &child) < 0) child = NULL;
#else
    if (key != NULL) child = PyDict_GetItemWithError(children, key);
    Py_XINCREF(child);
#endif
    Py_XDECREF(key);
  }
  Py_XDECREF(labels);
  Py_XDECREF(children);
  PyErr_Clear();
  return child;
}

static PyObject* Labels(PyObject* self, PyObject* const* args, Py_ssize_t count,
                        PyObject* keywords) {
  PyObject* const child = KnownChild(self, args, count, keywords);
  return child != NULL ? child : CallMethod(self, "_percpud_labels", args, count, keywords);
}

static PyObject* Observe(PyObject* self, PyObject* const* args, Py_ssize_t count,
                         PyObject* keywords) {
  if (count == 1 && keywords == NULL) {
    PyObject* const sum = PyObject_GetAttrString(self, "_sum");
    if (sum == NULL) PyErr_Clear();
    const int observed = sum == NULL ? -1 : ObserveBy(sum, args[0]);
    Py_XDECREF(sum);
    if (observed == 1) Py_RETURN_NONE;
    if (observed == 0) return NULL;
  }
  return CallMethod(self, "_percpud_observe", args, count, keywords);
}

static PyMethodDef kLabels = {
    "labels", (PyCFunction)(void (*)(void))Labels, METH_FASTCALL | METH_KEYWORDS,
    "Returns the child for the given label values, by their order or by name."};
static PyMethodDef kObserve = {"observe", (PyCFunction)(void (*)(void))Observe,
                               METH_FASTCALL | METH_KEYWORDS, "Counts an observation."};

PyObject* ReplaceMethod(PyObject* module, PyObject* args) {
  (void)module;
  PyObject* type = NULL;
  const char* name = NULL;
  if (!PyArg_ParseTuple(args, "Os", &type, &name)) return NULL;
  PyMethodDef* const method = strcmp(name, "labels") == 0    ? &kLabels
                              : strcmp(name, "observe") == 0 ? &kObserve
                                                             : NULL;
  if (method == NULL || !PyType_Check(type)) {
    PyErr_SetString(PyExc_ValueError, "there is no such method");
    return NULL;
  }
  return PyDescr_NewMethod((PyTypeObject*)type, method);
}
