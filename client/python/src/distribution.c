// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Histograms and summaries. prometheus_client has a value object for each of their
// samples; here those are parts of one series, whose observations are one call.

#include <math.h>
#include <stdlib.h>

#include "client/python/src/value.h"

// The part that is the sum of the observations; buckets have numbers from 0.
#define PART_SUM (-1)
// 2^63: beyond it no integer counts them.
static const double kMostObservations = 9223372036854775808.0;

typedef struct {
  PyObject_HEAD Family* family;
  Writer* writer;
  percpud_series* series;
  // What this object has counted in this era: the sum, and then each bucket's count.
  double* own;
  uint64_t era;
} Distribution;

typedef struct {
  PyObject_HEAD Distribution* whole;
  int32_t bucket;
  PyObject* exemplar;
} Part;

static int Ready(Distribution* whole) {
  const uint64_t era = CurrentEra(whole->writer);
  if (era == whole->era) return 1;
  if (era == 0) return 0;
  for (uint32_t i = 0; i <= whole->family->buckets; ++i) whole->own[i] = 0;
  whole->era = era;
  return 1;
}

static void Done(Distribution* whole) {
  PollSometimes(whole->family->client, percpud_series_is_shared(whole->series));
}

// An observation that is not a number is not counted: one of them would make the sum
// useless for good.
static int Observe(Distribution* whole, double amount) {
  if (!Ready(whole)) return 0;
  if (isnan(amount)) return 1;
  const uint32_t bucket = percpud_bucket_of(whole->family->handle, amount);
  percpud_adjust_cell(whole->series, bucket, 1, amount);
  AddOwn(&whole->own[0], amount);
  AddOwn(&whole->own[1 + bucket], 1);
  Done(whole);
  return 1;
}

// Has the part's whole ready. NULL with an exception set, also if there is none yet.
static Distribution* ReadyWhole(const Part* part) {
  if (part->whole == NULL) {
    PyErr_SetString(PyExc_RuntimeError, "the buckets of this histogram are not complete");
    return NULL;
  }
  return Ready(part->whole) ? part->whole : NULL;
}

static double OwnOf(const Part* part) { return part->whole->own[1 + part->bucket]; }

// Adds to the sum alone, or to a bucket's count alone.
static PyObject* AddToPart(Part* part, double amount) {
  Distribution* const whole = ReadyWhole(part);
  if (whole == NULL) return NULL;
  if (part->bucket == PART_SUM) {
    percpud_add_to_sum(whole->series, amount);
  } else {
    // An infinity, or what is not a number, counts nothing.
    if (!(amount > -kMostObservations && amount < kMostObservations)) Py_RETURN_NONE;
    percpud_adjust_cell(whole->series, (uint32_t)part->bucket, (int64_t)amount, 0);
  }
  AddOwn(&whole->own[1 + part->bucket], amount);
  Done(whole);
  Py_RETURN_NONE;
}

static PyObject* IncPart(PyObject* self, PyObject* amount) {
  const double number = ToDouble(amount);
  if (number == -1 && PyErr_Occurred()) return NULL;
  return AddToPart((Part*)self, number);
}

static PyObject* SetPart(PyObject* self, PyObject* args, PyObject* keywords) {
  static char* names[] = {"value", "timestamp", NULL};
  Part* const part = (Part*)self;
  double number = 0;
  PyObject* timestamp = NULL;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "d|O", names, &number, &timestamp)) return NULL;
  if (ReadyWhole(part) == NULL) return NULL;
  return AddToPart(part, number - OwnOf(part));
}

static PyObject* GetPart(PyObject* self, PyObject* unused) {
  (void)unused;
  Part* const part = (Part*)self;
  if (ReadyWhole(part) == NULL) return NULL;
  return PyFloat_FromDouble(OwnOf(part));
}

static PyObject* SetExemplar(PyObject* self, PyObject* exemplar) {
  Py_INCREF(exemplar);
  PyObject* const before =
      __atomic_exchange_n(&((Part*)self)->exemplar, exemplar, __ATOMIC_ACQ_REL);
  Py_XDECREF(before);
  Py_RETURN_NONE;
}

static PyObject* GetExemplar(PyObject* self, PyObject* unused) {
  (void)unused;
  PyObject* const exemplar = ((Part*)self)->exemplar;
  PyObject* const out = exemplar == NULL ? Py_None : exemplar;
  Py_INCREF(out);
  return out;
}

static PyObject* GetWhole(PyObject* self, void* unused) {
  (void)unused;
  PyObject* const whole = (PyObject*)((Part*)self)->whole;
  return Py_NewRef(whole == NULL ? Py_None : whole);
}

static PyObject* NewPart(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  (void)args;
  (void)keywords;
  allocfunc const allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  return allocate(type, 0);
}

static int TraversePart(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((Part*)self)->whole);
  Py_VISIT(((Part*)self)->exemplar);
  return 0;
}

static int ClearPart(PyObject* self) {
  Py_CLEAR(((Part*)self)->exemplar);
  return 0;
}

static void DeallocPart(PyObject* self) {
  PyObject_GC_UnTrack(self);
  ClearPart(self);
  Py_CLEAR(((Part*)self)->whole);
  FreeObject(self);
}

static PyObject* ObserveOne(PyObject* self, PyObject* amount) {
  return ObserveBy(self, amount) == 1 ? Py_NewRef(Py_None) : NULL;
}

static PyObject* TakePart(PyObject* self, PyObject* args) {
  Distribution* const whole = (Distribution*)self;
  int bucket = PART_SUM;
  PyObject* object = NULL;
  if (!PyArg_ParseTuple(args, "|iO", &bucket, &object)) return NULL;
  if (bucket < PART_SUM || bucket >= (int)whole->family->buckets) {
    PyErr_SetString(PyExc_IndexError, "there is no such bucket");
    return NULL;
  }
  PyTypeObject* const type = StateOf(self)->part;
  if (object != NULL && (!PyObject_TypeCheck(object, type) || ((Part*)object)->whole != NULL)) {
    PyErr_SetString(PyExc_TypeError, "a Part that is of nothing yet is expected");
    return NULL;
  }
  Part* const part = (Part*)(object != NULL ? Py_NewRef(object) : NewPart(type, NULL, NULL));
  if (part == NULL) return NULL;
  Py_INCREF(whole);
  part->whole = whole;
  part->bucket = bucket;
  return (PyObject*)part;
}

static PyObject* Forget(PyObject* self, PyObject* unused) {
  (void)unused;
  Distribution* const whole = (Distribution*)self;
  for (uint32_t i = 0; i <= whole->family->buckets; ++i) whole->own[i] = 0;
  Py_RETURN_NONE;
}

static PyObject* GetSum(PyObject* self, void* unused) {
  (void)unused;
  return PyFloat_FromDouble(percpud_read_series(((Distribution*)self)->series).sum);
}

static PyObject* GetCount(PyObject* self, void* unused) {
  (void)unused;
  return PyLong_FromUnsignedLongLong(percpud_read_series(((Distribution*)self)->series).count);
}

static PyObject* GetFamily(PyObject* self, void* unused) {
  (void)unused;
  Py_INCREF(((Distribution*)self)->family);
  return (PyObject*)((Distribution*)self)->family;
}

static PyObject* IsShared(PyObject* self, void* unused) {
  (void)unused;
  return PyBool_FromLong(percpud_series_is_shared(((Distribution*)self)->series));
}

static int TraverseWhole(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((Distribution*)self)->writer);
  return 0;
}

static void DeallocWhole(PyObject* self) {
  Distribution* const whole = (Distribution*)self;
  PyObject_GC_UnTrack(self);
  free(whole->own);
  Py_CLEAR(whole->writer);
  Py_CLEAR(whole->family);
  FreeObject(self);
}

// An object of ours has our deallocator, in whatever interpreter its type was made.
static int Deallocates(PyObject* object, destructor dealloc) {
  return (destructor)PyType_GetSlot(Py_TYPE(object), Py_tp_dealloc) == dealloc;
}

int ObserveBy(PyObject* object, PyObject* amount) {
  const int is_part = Deallocates(object, &DeallocPart);
  if (!is_part && !Deallocates(object, &DeallocWhole)) return -1;
  const double number = ToDouble(amount);
  if (number == -1 && PyErr_Occurred()) return 0;
  Distribution* const whole = is_part ? ReadyWhole((Part*)object) : (Distribution*)object;
  return whole != NULL && Observe(whole, number);
}

PyObject* MakeDistribution(Family* family, PyObject* values, Writer* writer) {
  const uint64_t era = CurrentEra(writer);
  percpud_series* const series = era == 0 ? NULL : OpenSeries(family, values, NULL);
  if (series == NULL) return NULL;
  PyTypeObject* const type = StateOf((PyObject*)family)->distribution;
  allocfunc const allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  Distribution* const whole = (Distribution*)allocate(type, 0);
  if (whole == NULL) return NULL;
  Py_INCREF(family);
  Py_XINCREF(writer);
  whole->family = family;
  whole->writer = writer;
  whole->series = series;
  whole->era = era;
  whole->own = calloc(1 + family->buckets, sizeof(double));
  if (whole->own != NULL) return (PyObject*)whole;
  Py_DECREF(whole);
  return PyErr_NoMemory();
}

static PyMethodDef kWholeMethods[] = {
    {"observe", ObserveOne, METH_O, "Counts an observation. One that is not a number is ignored."},
    {"part", TakePart, METH_VARARGS,
     "part(bucket=-1, part=Part()): the part has the count of a bucket from now on, not "
     "cumulative, or the sum. Returns it."},
    {"forget", Forget, METH_NOARGS, "Has what this process has counted begin at 0."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef kWholeProperties[] = {
    {"sum", GetSum, NULL,
     "The sum of all processes' observations, a reset or removal not taken off.", NULL},
    {"count", GetCount, NULL, "How many observations there were, a reset or removal not taken off.",
     NULL},
    {"family", GetFamily, NULL, "Its Family.", NULL},
    {"shared", IsShared, NULL, "Whether it counts in cells that all processes share.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject* MakeDistributionType(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, DeallocWhole},
      {Py_tp_traverse, TraverseWhole},
      {Py_tp_methods, kWholeMethods},
      {Py_tp_getset, kWholeProperties},
      {Py_tp_doc, "A histogram or a summary. Made by Family.series."},
      {0, NULL},
  };
  PyType_Spec spec = {
      .name = "percpud._percpud.Distribution",
      .basicsize = sizeof(Distribution),
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
      .slots = slots,
  };
  return (PyTypeObject*)PyType_FromModuleAndSpec(module, &spec, NULL);
}

static PyMethodDef kPartMethods[] = {
    {"inc", IncPart, METH_O, "Adds to the sum alone, or to the count alone."},
    {"set", (PyCFunction)(void (*)(void))SetPart, METH_VARARGS | METH_KEYWORDS,
     "set(value, timestamp=None): sets what this process has counted."},
    {"get", GetPart, METH_NOARGS, "What this process has counted."},
    {"observe", ObserveOne, METH_O, "Counts an observation into the whole."},
    {"set_exemplar", SetExemplar, METH_O, "Keeps an exemplar in this process."},
    {"get_exemplar", GetExemplar, METH_NOARGS, "The last exemplar of this process, or None."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef kPartProperties[] = {
    {"whole", GetWhole, NULL, "The Distribution that this is a part of.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject* MakePartType(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, NewPart},
      {Py_tp_dealloc, DeallocPart},
      {Py_tp_traverse, TraversePart},
      {Py_tp_clear, ClearPart},
      {Py_tp_methods, kPartMethods},
      {Py_tp_getset, kPartProperties},
      {Py_tp_doc, "A histogram's or summary's sample, once Distribution.part has told it which."},
      {0, NULL},
  };
  PyType_Spec spec = {
      .name = "percpud._percpud.Part",
      .basicsize = sizeof(Part),
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
      .slots = slots,
  };
  return (PyTypeObject*)PyType_FromModuleAndSpec(module, &spec, NULL);
}
