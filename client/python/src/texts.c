// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/python/src/texts.h"

#include <stdlib.h>
#include <string.h>

// Returns a string without zeros and lone surrogates, as bytes.
static PyObject* Encode(PyObject* text) {
  PyObject* const bytes = PyUnicode_AsEncodedString(text, "utf-8", "replace");
  if (bytes == NULL) return NULL;
  char* at = NULL;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(bytes, &at, &size) != 0) {
    Py_DECREF(bytes);
    return NULL;
  }
  if (memchr(at, 0, (size_t)size) == NULL) return bytes;
  PyObject* const out = PyBytes_FromStringAndSize(at, size);
  Py_DECREF(bytes);
  if (out == NULL) return NULL;
  char* const copy = PyBytes_AsString(out);
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (copy[i] == '\0') copy[i] = '?';
  }
  return out;
}

static int TakeText(Texts* out, Py_ssize_t index, PyObject* item) {
  PyObject* const text = PyObject_Str(item);
  PyObject* const bytes = text == NULL ? NULL : Encode(text);
  Py_XDECREF(text);
  if (bytes == NULL) return 0;
  out->items[index] = PyBytes_AsString(bytes);
  return PyTuple_SetItem(out->kept, index, bytes) == 0;
}

int TakeTexts(Texts* out, PyObject* sequence) {
  memset(out, 0, sizeof(*out));
  if (sequence == NULL) return 1;
  PyObject* const items = PySequence_Tuple(sequence);
  if (items == NULL) return 0;
  const Py_ssize_t count = PyTuple_Size(items);
  out->kept = PyTuple_New(count);
  out->items = calloc((size_t)count + 1, sizeof(char*));
  out->count = (size_t)count;
  int taken = out->kept != NULL && out->items != NULL;
  if (!taken) PyErr_NoMemory();
  for (Py_ssize_t i = 0; taken && i < count; ++i) {
    taken = TakeText(out, i, PyTuple_GetItem(items, i));
  }
  Py_DECREF(items);
  if (!taken) DropTexts(out);
  return taken;
}

void DropTexts(Texts* texts) {
  free(texts->items);
  Py_CLEAR(texts->kept);
  texts->items = NULL;
}
