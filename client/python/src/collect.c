// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// percpud_collection as tuples.

#include "client/python/src/collect.h"

#include "client/python/src/client.h"

static PyObject* Text(percpud_text text) {
  return PyUnicode_DecodeUTF8(text.text, (Py_ssize_t)text.bytes, "replace");
}

// Makes a tuple of `count` things that `make` makes, each by its number.
typedef PyObject* (*MakeItem)(const void* from, size_t index);

static PyObject* Tuple(const void* from, size_t count, MakeItem make) {
  PyObject* const out = PyTuple_New((Py_ssize_t)count);
  if (out == NULL) return NULL;
  for (size_t i = 0; i < count; ++i) {
    PyObject* const item = make(from, i);
    if (item == NULL || PyTuple_SetItem(out, (Py_ssize_t)i, item) != 0) {
      Py_DECREF(out);
      return NULL;
    }
  }
  return out;
}

static PyObject* MakeText(const void* from, size_t index) {
  return Text(((const percpud_text*)from)[index]);
}

static PyObject* MakeDouble(const void* from, size_t index) {
  return PyFloat_FromDouble(((const double*)from)[index]);
}

static PyObject* MakeCount(const void* from, size_t index) {
  return PyLong_FromUnsignedLongLong(((const uint64_t*)from)[index]);
}

static PyObject* MakeWriter(const void* from, size_t index) {
  const percpud_writer_view* const writer = &((const percpud_writer_view*)from)[index];
  PyObject* const label = Text(writer->label);
  if (label == NULL) return NULL;
  return Py_BuildValue("(NddO)", label, writer->value, writer->timestamp,
                       writer->is_live ? Py_True : Py_False);
}

static PyObject* MakeSeries(const percpud_series_view* series, uint32_t labels) {
  PyObject* const values = Tuple(series->label_values, labels, &MakeText);
  PyObject* const buckets = Tuple(series->buckets, series->bucket_count, &MakeCount);
  PyObject* const writers = Tuple(series->writers, series->writer_count, &MakeWriter);
  if (values == NULL || buckets == NULL || writers == NULL) {
    Py_XDECREF(values);
    Py_XDECREF(buckets);
    Py_XDECREF(writers);
    return NULL;
  }
  return Py_BuildValue("(NdKNNO)", values, series->value, (unsigned long long)series->count,
                       buckets, writers, series->is_set ? Py_True : Py_False);
}

static PyObject* MakeAllSeries(const percpud_family_view* family) {
  PyObject* const out = PyList_New((Py_ssize_t)family->series_count);
  if (out == NULL) return NULL;
  for (uint32_t i = 0; i < family->series_count; ++i) {
    PyObject* const series = MakeSeries(&family->series[i], family->label_count);
    if (series == NULL || PyList_SetItem(out, (Py_ssize_t)i, series) != 0) {
      Py_DECREF(out);
      return NULL;
    }
  }
  return out;
}

static PyObject* MakeFamily(const percpud_family_view* family) {
  PyObject* const names = Tuple(family->label_names, family->label_count, &MakeText);
  PyObject* const bounds = Tuple(family->bounds, family->bound_count, &MakeDouble);
  PyObject* const series = MakeAllSeries(family);
  PyObject* const name = Text(family->name);
  PyObject* const help = Text(family->help);
  PyObject* const unit = Text(family->unit);
  if (names == NULL || bounds == NULL || series == NULL || name == NULL || help == NULL ||
      unit == NULL) {
    Py_XDECREF(names);
    Py_XDECREF(bounds);
    Py_XDECREF(series);
    Py_XDECREF(name);
    Py_XDECREF(help);
    Py_XDECREF(unit);
    return NULL;
  }
  return Py_BuildValue("(NNNiiINNN)", name, help, unit, (int)family->type, (int)family->fold,
                       (unsigned)family->flags, names, bounds, series);
}

static PyObject* MakeFamilies(const percpud_collection* collection) {
  const size_t families = percpud_collection_size(collection);
  PyObject* const out = PyList_New((Py_ssize_t)families);
  if (out == NULL) return NULL;
  for (size_t i = 0; i < families; ++i) {
    PyObject* const family = MakeFamily(percpud_collection_family(collection, i));
    if (family == NULL || PyList_SetItem(out, (Py_ssize_t)i, family) != 0) {
      Py_DECREF(out);
      return NULL;
    }
  }
  return out;
}

PyObject* CollectClient(PyObject* self, PyObject* args) {
  Client* const client = (Client*)self;
  const char* family = NULL;
  int milliseconds = 0;
  if (!PyArg_ParseTuple(args, "zi", &family, &milliseconds)) return NULL;
  percpud_collection* collection = NULL;
  Py_BEGIN_ALLOW_THREADS;
  collection = percpud_collect_begin(client->handle, family, milliseconds);
  Py_END_ALLOW_THREADS;
  TellNotices(client);
  if (collection == NULL) return PyErr_NoMemory();
  PyObject* const fresh = percpud_collection_is_fresh(collection) ? Py_True : Py_False;
  PyObject* const families = MakeFamilies(collection);
  percpud_collection_end(collection);
  return families == NULL ? NULL : Py_BuildValue("(ON)", fresh, families);
}
