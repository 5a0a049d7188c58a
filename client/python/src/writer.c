// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/python/src/writer.h"

#include "client/python/src/texts.h"

// Takes another identity. 0 with an exception set.
static int TakeIdentity(Writer* writer, PyObject* identity) {
  PyObject* const one = PyTuple_Pack(1, identity);
  Texts texts;
  const int taken = one != NULL && TakeTexts(&texts, one);
  Py_XDECREF(one);
  if (!taken) return 0;
  PyObject* const label = PyTuple_GetItem(texts.kept, 0);
  Py_INCREF(label);
  Py_INCREF(identity);
  PyObject* const old_label = writer->label;
  PyObject* const old_identity = writer->identity;
  writer->label = label;
  writer->identity = identity;
  ++writer->changes;
  Py_XDECREF(old_label);
  Py_XDECREF(old_identity);
  DropTexts(&texts);
  return 1;
}

static int Refresh(Writer* writer) {
  PyObject* const identity = PyObject_CallObject(writer->identify, NULL);
  if (identity == NULL) return 0;
  int same = identity == writer->identity;
  if (!same && writer->identity != NULL) {
    same = PyObject_RichCompareBool(identity, writer->identity, Py_EQ);
  }
  const int sound = same >= 0 && (same > 0 || TakeIdentity(writer, identity));
  Py_DECREF(identity);
  return sound;
}

#ifdef Py_GIL_DISABLED
static int RefreshLocked(Writer* writer) {
  int sound = 0;
  Py_BEGIN_CRITICAL_SECTION(writer);
  sound = Refresh(writer);
  Py_END_CRITICAL_SECTION();
  return sound;
}
#else
static int RefreshLocked(Writer* writer) { return Refresh(writer); }
#endif

uint64_t CurrentEra(Writer* writer) {
  if (writer == NULL) return Forks();
  return RefreshLocked(writer) ? Forks() + writer->changes : 0;
}

const char* LabelOf(const Writer* writer) {
  return writer == NULL ? NULL : PyBytes_AsString(writer->label);
}

static PyObject* New(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  static char* names[] = {"identify", NULL};
  PyObject* identify = NULL;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O", names, &identify)) return NULL;
  allocfunc const allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  Writer* const writer = (Writer*)allocate(type, 0);
  if (writer == NULL) return NULL;
  Py_INCREF(identify);
  writer->identify = identify;
  return (PyObject*)writer;
}

static int Traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((Writer*)self)->identify);
  Py_VISIT(((Writer*)self)->identity);
  return 0;
}

static int Clear(PyObject* self) {
  Py_CLEAR(((Writer*)self)->identify);
  Py_CLEAR(((Writer*)self)->identity);
  return 0;
}

static void Dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Clear(self);
  Py_CLEAR(((Writer*)self)->label);
  FreeObject(self);
}

PyTypeObject* MakeWriterType(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, New},
      {Py_tp_dealloc, Dealloc},
      {Py_tp_traverse, Traverse},
      {Py_tp_clear, Clear},
      {Py_tp_doc, "Writer(identify)\n\nWho counts: what identify() returns, asked each time."},
      {0, NULL},
  };
  PyType_Spec spec = {
      .name = "percpud._percpud.Writer",
      .basicsize = sizeof(Writer),
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
      .slots = slots,
  };
  return (PyTypeObject*)PyType_FromModuleAndSpec(module, &spec, NULL);
}
