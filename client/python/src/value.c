// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/python/src/value.h"

typedef struct {
  PyObject_HEAD Family* family;
  // NULL: the process itself.
  Writer* writer;
  PyObject* values;
  percpud_series* series;
  // What this object has added to a counter in this era; the library has a gauge's.
  double own;
  uint64_t era;
  PyObject* exemplar;
} Value;

static int IsGauge(const Value* value) { return value->family->type == PERCPUD_GAUGE; }

// Begins anew for another writer, or in the child of a fork: its gauge is in a cell of its own,
// which is waited for as for any opening. 0 with an exception set.
static int BeginEra(Value* value, uint64_t era) {
  value->own = 0;
  if (IsGauge(value)) {
    percpud_series* const series = OpenSeries(value->family, value->values, LabelOf(value->writer));
    if (series == NULL) return 0;
    value->series = series;
  }
  value->era = era;
  return 1;
}

static inline int Ready(Value* value) {
  const uint64_t era = CurrentEra(value->writer);
  if (era == value->era) return 1;
  return era != 0 && BeginEra(value, era);
}

static inline PyObject* Done(Value* value) {
  PollSometimes(value->family->client, percpud_series_is_shared(value->series));
  Py_RETURN_NONE;
}

static PyObject* Add(Value* value, double amount) {
  if (!Ready(value)) return NULL;
  percpud_adjust(value->series, amount);
  if (!IsGauge(value)) AddOwn(&value->own, amount);
  return Done(value);
}

PyObject* OneArgument(PyObject* const* args, Py_ssize_t count, PyObject* keywords, const char* name,
                      PyObject* missing) {
  const Py_ssize_t named = keywords == NULL ? 0 : PyTuple_Size(keywords);
  if (count == 1 && named == 0) return args[0];
  if (count == 0 && named == 0 && missing != NULL) return missing;
  if (count == 0 && named == 1 &&
      PyUnicode_CompareWithASCIIString(PyTuple_GetItem(keywords, 0), name) == 0) {
    return args[0];
  }
  PyErr_Format(PyExc_TypeError, "one argument is expected: %s", name);
  return NULL;
}

// Reads the amount of inc() and dec(), which is 1 if it is not said.
static int Amount(PyObject* const* args, Py_ssize_t count, PyObject* keywords, double* out) {
  *out = 1;
  PyObject* const amount = OneArgument(args, count, keywords, "amount", Py_None);
  if (amount == NULL) return 0;
  if (amount == Py_None && count == 0 && keywords == NULL) return 1;
  *out = ToDouble(amount);
  return *out != -1 || !PyErr_Occurred();
}

static PyObject* Inc(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  Value* const value = (Value*)self;
  double amount = 0;
  if (!Amount(args, count, keywords, &amount)) return NULL;
  if (amount < 0 && !IsGauge(value)) {
    PyErr_SetString(PyExc_ValueError, "a counter is not added a negative amount to");
    return NULL;
  }
  return Add(value, amount);
}

static PyObject* Dec(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  Value* const value = (Value*)self;
  double amount = 0;
  if (!Amount(args, count, keywords, &amount)) return NULL;
  if (!IsGauge(value)) {
    PyErr_SetString(PyExc_TypeError, "a counter does not fall");
    return NULL;
  }
  return Add(value, -amount);
}

static PyObject* SetTo(Value* value, double number, double timestamp) {
  if (!Ready(value)) return NULL;
  if (IsGauge(value)) {
    percpud_set_at(value->series, number, timestamp);
  } else {
    const double change = number - value->own;
    percpud_adjust(value->series, change);
    AddOwn(&value->own, change);
  }
  return Done(value);
}

static PyObject* Set(PyObject* self, PyObject* args, PyObject* keywords) {
  static char* names[] = {"value", "timestamp", NULL};
  double number = 0;
  PyObject* timestamp = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "d|O", names, &number, &timestamp)) return NULL;
  const double when = timestamp == Py_None ? 0 : ToDouble(timestamp);
  if (when == -1 && PyErr_Occurred()) return NULL;
  return SetTo((Value*)self, number, when);
}

static PyObject* Get(PyObject* self, PyObject* unused) {
  (void)unused;
  Value* const value = (Value*)self;
  if (!Ready(value)) return NULL;
  return PyFloat_FromDouble(IsGauge(value) ? percpud_get(value->series) : value->own);
}

static PyObject* SetExemplar(PyObject* self, PyObject* exemplar) {
  Value* const value = (Value*)self;
  Py_INCREF(exemplar);
  PyObject* const before = __atomic_exchange_n(&value->exemplar, exemplar, __ATOMIC_ACQ_REL);
  Py_XDECREF(before);
  Py_RETURN_NONE;
}

static PyObject* GetExemplar(PyObject* self, PyObject* unused) {
  (void)unused;
  PyObject* const exemplar = ((Value*)self)->exemplar;
  PyObject* const out = exemplar == NULL ? Py_None : exemplar;
  Py_INCREF(out);
  return out;
}

static PyObject* Forget(PyObject* self, PyObject* unused) {
  (void)unused;
  ((Value*)self)->own = 0;
  Py_RETURN_NONE;
}

static PyObject* GetTotal(PyObject* self, void* unused) {
  (void)unused;
  return PyFloat_FromDouble(percpud_read_series(((Value*)self)->series).sum);
}

static PyObject* GetFamily(PyObject* self, void* unused) {
  (void)unused;
  Py_INCREF(((Value*)self)->family);
  return (PyObject*)((Value*)self)->family;
}

static PyObject* IsShared(PyObject* self, void* unused) {
  (void)unused;
  return PyBool_FromLong(percpud_series_is_shared(((Value*)self)->series));
}

static int Traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((Value*)self)->writer);
  Py_VISIT(((Value*)self)->values);
  Py_VISIT(((Value*)self)->exemplar);
  return 0;
}

static int Clear(PyObject* self) {
  Py_CLEAR(((Value*)self)->exemplar);
  return 0;
}

static void Dealloc(PyObject* self) {
  Value* const value = (Value*)self;
  PyObject_GC_UnTrack(self);
  Clear(self);
  Py_CLEAR(value->values);
  Py_CLEAR(value->writer);
  Py_CLEAR(value->family);
  FreeObject(self);
}

// What opens a gauge also says whose it is; counters are one for all.
static PyObject* MakeValue(Family* family, PyObject* values, Writer* writer) {
  const uint64_t era = CurrentEra(writer);
  if (era == 0) return NULL;
  const char* const label = family->type == PERCPUD_GAUGE ? LabelOf(writer) : NULL;
  percpud_series* const series = OpenSeries(family, values, label);
  if (series == NULL) return NULL;
  PyTypeObject* const type = StateOf((PyObject*)family)->value;
  allocfunc const allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  Value* const value = (Value*)allocate(type, 0);
  if (value == NULL) return NULL;
  Py_INCREF(family);
  Py_INCREF(values);
  Py_XINCREF(writer);
  value->family = family;
  value->values = values;
  value->writer = writer;
  value->series = series;
  value->era = era;
  return (PyObject*)value;
}

PyObject* MakeSeriesObject(Family* family, PyObject* values, PyObject* writer) {
  if (writer != Py_None && !PyObject_TypeCheck(writer, StateOf((PyObject*)family)->writer)) {
    PyErr_SetString(PyExc_TypeError, "a series is counted by a Writer");
    return NULL;
  }
  Writer* const who = writer == Py_None ? NULL : (Writer*)writer;
  return family->buckets != 0 ? MakeDistribution(family, values, who)
                              : MakeValue(family, values, who);
}

static PyMethodDef kMethods[] = {
    {"inc", (PyCFunction)(void (*)(void))Inc, METH_FASTCALL | METH_KEYWORDS,
     "inc(amount=1): adds."},
    {"dec", (PyCFunction)(void (*)(void))Dec, METH_FASTCALL | METH_KEYWORDS,
     "dec(amount=1): subtracts from a gauge."},
    {"set", (PyCFunction)(void (*)(void))Set, METH_VARARGS | METH_KEYWORDS,
     "set(value, timestamp=None): sets a gauge, or what this process has counted."},
    {"get", Get, METH_NOARGS, "What this process has counted, or has set a gauge to."},
    {"set_exemplar", SetExemplar, METH_O, "Keeps an exemplar in this process."},
    {"get_exemplar", GetExemplar, METH_NOARGS, "The last exemplar of this process, or None."},
    {"forget", Forget, METH_NOARGS, "Has what this process has counted begin at 0."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef kProperties[] = {
    {"total", GetTotal, NULL,
     "What all processes have counted, a reset or removal not taken off; of a gauge this "
     "process's own value.",
     NULL},
    {"family", GetFamily, NULL, "Its Family.", NULL},
    {"shared", IsShared, NULL, "Whether it counts in cells that all processes share.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject* MakeValueType(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, Dealloc},
      {Py_tp_traverse, Traverse},
      {Py_tp_clear, Clear},
      {Py_tp_methods, kMethods},
      {Py_tp_getset, kProperties},
      {Py_tp_doc, "A counter or a gauge. Made by Family.series."},
      {0, NULL},
  };
  PyType_Spec spec = {
      .name = "percpud._percpud.Value",
      .basicsize = sizeof(Value),
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
      .slots = slots,
  };
  return (PyTypeObject*)PyType_FromModuleAndSpec(module, &spec, NULL);
}
