// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/python/src/family.h"

#include <stdlib.h>

#include "client/python/src/texts.h"
#include "client/python/src/value.h"

percpud_series* OpenSeries(Family* family, PyObject* values, const char* writer) {
  Texts texts;
  if (!TakeTexts(&texts, values)) return NULL;
  percpud_series* series = NULL;
  if (texts.count != family->labels) {
    PyErr_Format(PyExc_ValueError, "%zu label values for %u labels", texts.count, family->labels);
    DropTexts(&texts);
    return NULL;
  }
  Py_BEGIN_ALLOW_THREADS;
  series = writer == NULL ? percpud_series_open(family->handle, texts.items)
                          : percpud_series_open_as(family->handle, texts.items, writer);
  Py_END_ALLOW_THREADS;
  DropTexts(&texts);
  TellNotices(family->client);
  if (series == NULL) PyErr_NoMemory();
  return series;
}

// What Family() is called with; borrowed.
typedef struct {
  PyObject* client;
  const char* name;
  int type;
  const char* help;
  PyObject* labels;
  int fold;
  unsigned flags;
  PyObject* bounds;
  const char* unit;
  unsigned most_series;
  unsigned ttl_seconds;
} Arguments;

static int ParseArguments(PyObject* args, PyObject* keywords, Arguments* out) {
  static char* names[] = {"client", "name",   "type", "help",        "labels",      "fold",
                          "flags",  "bounds", "unit", "most_series", "ttl_seconds", NULL};
  return PyArg_ParseTupleAndKeywords(args, keywords, "Osi|zOiIOzII", names, &out->client,
                                     &out->name, &out->type, &out->help, &out->labels, &out->fold,
                                     &out->flags, &out->bounds, &out->unit, &out->most_series,
                                     &out->ttl_seconds);
}

// Copies finite bounds into memory that the caller frees. -1 with an exception set.
static Py_ssize_t TakeBounds(PyObject* sequence, double** out) {
  *out = NULL;
  if (sequence == NULL) return 0;
  const Py_ssize_t count = PySequence_Size(sequence);
  if (count <= 0) return count;
  *out = malloc((size_t)count * sizeof(double));
  if (*out == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* const item = PySequence_GetItem(sequence, i);
    (*out)[i] = item == NULL ? -1 : ToDouble(item);
    Py_XDECREF(item);
    if (PyErr_Occurred()) return -1;
  }
  return count;
}

static uint32_t BucketsOf(percpud_type type, uint32_t bounds) {
  if (type == PERCPUD_HISTOGRAM) return bounds + 1;
  return type == PERCPUD_SUMMARY ? 1 : 0;
}

static PyObject* Make(PyTypeObject* type, const Arguments* said, const Texts* labels,
                      const double* bounds, uint32_t bound_count) {
  const percpud_family_options options = {
      .size = sizeof(options),
      .name = said->name,
      .help = said->help,
      .unit = said->unit,
      .type = (percpud_type)said->type,
      .fold = (percpud_fold)said->fold,
      .flags = said->flags,
      .label_count = (uint32_t)labels->count,
      .label_names = labels->items,
      .bound_count = bound_count,
      .most_series = said->most_series,
      .bounds = bounds,
      .ttl_seconds = said->ttl_seconds,
  };
  percpud_family* const handle = percpud_family_open(((Client*)said->client)->handle, &options);
  if (handle == NULL) {
    PyErr_Format(PyExc_ValueError, "%s: its type, its labels or its buckets cannot be", said->name);
    return NULL;
  }
  allocfunc const allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  Family* const family = (Family*)allocate(type, 0);
  if (family == NULL) return NULL;
  Py_INCREF(said->client);
  family->client = (Client*)said->client;
  family->handle = handle;
  family->type = (percpud_type)said->type;
  family->labels = (uint32_t)labels->count;
  family->buckets = BucketsOf(family->type, bound_count);
  return (PyObject*)family;
}

static PyObject* New(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  Arguments said = {0};
  if (!ParseArguments(args, keywords, &said)) return NULL;
  const ModuleState* const state = PyType_GetModuleState(type);
  if (!PyObject_TypeCheck(said.client, state->client)) {
    PyErr_SetString(PyExc_TypeError, "a family belongs to a Client");
    return NULL;
  }
  Texts labels;
  if (!TakeTexts(&labels, said.labels)) return NULL;
  double* bounds = NULL;
  const Py_ssize_t count = TakeBounds(said.bounds, &bounds);
  PyObject* const out = count < 0 ? NULL : Make(type, &said, &labels, bounds, (uint32_t)count);
  free(bounds);
  DropTexts(&labels);
  return out;
}

static void Dealloc(PyObject* self) {
  Py_CLEAR(((Family*)self)->client);
  FreeObject(self);
}

static PyObject* Series(PyObject* self, PyObject* args) {
  PyObject* values = NULL;
  PyObject* writer = Py_None;
  if (!PyArg_ParseTuple(args, "O|O", &values, &writer)) return NULL;
  return MakeSeriesObject((Family*)self, values, writer);
}

// The functions that take series away, one or all of them.
typedef int64_t (*TakeOne)(percpud_family* family, const char* const* values, int milliseconds);
typedef int64_t (*TakeAll)(percpud_family* family, int milliseconds);

// take(values or None, milliseconds): how many series. OSError if the daemon does not do it.
static PyObject* TakeAway(PyObject* self, PyObject* args, TakeOne one, TakeAll all) {
  Family* const family = (Family*)self;
  PyObject* values = NULL;
  int milliseconds = 0;
  if (!PyArg_ParseTuple(args, "Oi", &values, &milliseconds)) return NULL;
  Texts texts = {0};
  const int every = values == Py_None;
  if (!every && !TakeTexts(&texts, values)) return NULL;
  if (!every && texts.count != family->labels) {
    DropTexts(&texts);
    PyErr_SetString(PyExc_ValueError, "there is one label value for each label");
    return NULL;
  }
  int64_t series = 0;
  Py_BEGIN_ALLOW_THREADS;
  series =
      every ? all(family->handle, milliseconds) : one(family->handle, texts.items, milliseconds);
  Py_END_ALLOW_THREADS;
  DropTexts(&texts);
  TellNotices(family->client);
  return series < 0 ? RaiseReason(family->client) : PyLong_FromLongLong(series);
}

static PyObject* Remove(PyObject* self, PyObject* args) {
  return TakeAway(self, args, &percpud_remove, &percpud_remove_all);
}

static PyObject* Reset(PyObject* self, PyObject* args) {
  return TakeAway(self, args, &percpud_reset, &percpud_reset_all);
}

static PyObject* GetClient(PyObject* self, void* unused) {
  (void)unused;
  Py_INCREF(((Family*)self)->client);
  return (PyObject*)((Family*)self)->client;
}

static PyMethodDef kMethods[] = {
    {"series", Series, METH_VARARGS,
     "series(label values, writer=None): the series as a Value or a Distribution."},
    {"remove", Remove, METH_VARARGS,
     "remove(label values or None for all, milliseconds): series that are not shown until they "
     "move, from 0 then. Returns how many."},
    {"reset", Reset, METH_VARARGS,
     "reset(label values or None for all, milliseconds): series that count from 0 again. "
     "Returns how many."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef kProperties[] = {
    {"client", GetClient, NULL, "Its Client.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject* MakeFamilyType(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, New},
      {Py_tp_dealloc, Dealloc},
      {Py_tp_methods, kMethods},
      {Py_tp_getset, kProperties},
      {Py_tp_doc,
       "Family(client, name, type, help=None, labels=(), fold=0, flags=0, bounds=(), unit=None, "
       "most_series=0, ttl_seconds=0)\n\nA metric of an application."},
      {0, NULL},
  };
  PyType_Spec spec = {
      .name = "percpud._percpud.Family",
      .basicsize = sizeof(Family),
      .flags = Py_TPFLAGS_DEFAULT,
      .slots = slots,
  };
  return (PyTypeObject*)PyType_FromModuleAndSpec(module, &spec, NULL);
}
