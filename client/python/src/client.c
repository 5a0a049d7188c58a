// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/python/src/client.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>
#include <time.h>

#include "client/python/src/collect.h"

enum {
  // Milliseconds that an opening waits for the daemon's answer, with Python's lock released.
  kOpenWaitMs = 1000,
  // Updates of shared series between two readings of the clock.
  kUpdatesPerLook = 32,
};
#ifndef PyBUF_WRITE
// PyMemoryView_FromMemory is in the stable ABI of 3.10, and its flags are not in the header.
#define PyBUF_READ 0x100
#define PyBUF_WRITE 0x200
#endif
static const int64_t kPollNs = 1000000000;

static int64_t CoarseNowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// The library's callback: it comes with the library's lock held, and from threads that
// do not hold Python's.
static void Hear(void* context, percpud_notice kind, const char* text) {
  Client* const client = context;
  const size_t bytes = strlen(text) + 1;
  Notice* const notice = malloc(sizeof(Notice) + bytes);
  if (notice == NULL) return;
  notice->kind = (int)kind;
  memcpy(notice->text, text, bytes);
  notice->next = __atomic_load_n(&client->notices, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(&client->notices, &notice->next, notice, 1, __ATOMIC_RELEASE,
                                      __ATOMIC_RELAXED)) {
  }
}

static void TellNotice(Client* client, const Notice* notice) {
  if (client->on_notice == NULL) return;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject* const text =
      PyUnicode_DecodeUTF8(notice->text, (Py_ssize_t)strlen(notice->text), "replace");
  PyObject* const result =
      text == NULL ? NULL : PyObject_CallFunction(client->on_notice, "iO", notice->kind, text);
  if (result == NULL) PyErr_WriteUnraisable(client->on_notice);
  Py_XDECREF(text);
  Py_XDECREF(result);
  PyErr_Restore(type, value, traceback);
}

void TellNotices(Client* client) {
  if (__atomic_load_n(&client->notices, __ATOMIC_RELAXED) == NULL) return;
  Notice* last = __atomic_exchange_n(&client->notices, NULL, __ATOMIC_ACQUIRE);
  Notice* first = NULL;
  while (last != NULL) {
    Notice* const before = last->next;
    last->next = first;
    first = last;
    last = before;
  }
  while (first != NULL) {
    Notice* const after = first->next;
    TellNotice(client, first);
    free(first);
    first = after;
  }
}

void PollSometimes(Client* client, int shared) {
  const uint32_t updates = __atomic_load_n(&client->updates, __ATOMIC_RELAXED) + 1;
  __atomic_store_n(&client->updates, updates, __ATOMIC_RELAXED);
  if (shared && updates % kUpdatesPerLook != 0) return;
  const int64_t now = CoarseNowNs();
  int64_t due = __atomic_load_n(&client->next_poll_ns, __ATOMIC_RELAXED);
  // One thread polls.
  if (now < due || !__atomic_compare_exchange_n(&client->next_poll_ns, &due, now + kPollNs, 0,
                                                __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    return;
  }
  percpud_poll(client->handle);
  TellNotices(client);
}

PyObject* RaiseReason(Client* client) {
  char reason[512] = "";
  percpud_reason(client->handle, reason, sizeof(reason));
  PyErr_SetString(PyExc_OSError, reason[0] != '\0' ? reason : "percpud does not answer");
  return NULL;
}

static PyObject* New(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  static char* names[] = {"namespace", "address", "writer", "on_notice", "slot", NULL};
  percpud_options options = {.size = sizeof(options), .open_wait_ms = kOpenWaitMs};
  PyObject* on_notice = NULL;
  int slot = 0;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|zzzOp", names, &options.name_space,
                                   &options.address, &options.writer, &on_notice, &slot)) {
    return NULL;
  }
  if (slot) options.flags = PERCPUD_WRITER_SLOT;
  allocfunc const allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  Client* const client = (Client*)allocate(type, 0);
  if (client == NULL) return NULL;
  client->handle = percpud_open_as(&options);
  if (client->handle == NULL) {
    Py_DECREF(client);
    return PyErr_NoMemory();
  }
  if (on_notice != NULL && on_notice != Py_None) {
    Py_INCREF(on_notice);
    client->on_notice = on_notice;
    percpud_on_notice(client->handle, &Hear, client);
  }
  return (PyObject*)client;
}

static int Traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((Client*)self)->on_notice);
  return 0;
}

static int Clear(PyObject* self) {
  Py_CLEAR(((Client*)self)->on_notice);
  return 0;
}

static void Dealloc(PyObject* self) {
  Client* const client = (Client*)self;
  PyObject_GC_UnTrack(self);
  if (client->weak_references != NULL) PyObject_ClearWeakRefs(self);
  Clear(self);
  percpud_close(client->handle);
  TellNotices(client);
  FreeObject(self);
}

static PyObject* Poll(PyObject* self, PyObject* unused) {
  (void)unused;
  Client* const client = (Client*)self;
  const int settled = percpud_poll(client->handle);
  TellNotices(client);
  return PyBool_FromLong(settled);
}

static PyObject* Wait(PyObject* self, PyObject* args) {
  Client* const client = (Client*)self;
  int milliseconds = 0;
  if (!PyArg_ParseTuple(args, "i", &milliseconds)) return NULL;
  int settled = 0;
  Py_BEGIN_ALLOW_THREADS;
  settled = percpud_wait(client->handle, milliseconds);
  Py_END_ALLOW_THREADS;
  TellNotices(client);
  return PyBool_FromLong(settled);
}

static PyObject* CloseWriter(PyObject* self, PyObject* args) {
  Client* const client = (Client*)self;
  const char* label = NULL;
  int milliseconds = 0;
  if (!PyArg_ParseTuple(args, "zi", &label, &milliseconds)) return NULL;
  int64_t cells = 0;
  Py_BEGIN_ALLOW_THREADS;
  cells = percpud_writer_close(client->handle, label, milliseconds);
  Py_END_ALLOW_THREADS;
  TellNotices(client);
  return PyLong_FromLongLong(cells);
}

static PyObject* Reset(PyObject* self, PyObject* args) {
  Client* const client = (Client*)self;
  unsigned long long if_generation = 0;
  int milliseconds = 0;
  if (!PyArg_ParseTuple(args, "Ki", &if_generation, &milliseconds)) return NULL;
  int64_t series = 0;
  uint64_t generation = 0;
  Py_BEGIN_ALLOW_THREADS;
  series = percpud_reset_namespace(client->handle, if_generation, &generation, milliseconds);
  Py_END_ALLOW_THREADS;
  TellNotices(client);
  return series < 0 ? RaiseReason(client) : PyLong_FromUnsignedLongLong(generation);
}

static PyObject* Render(PyObject* self, PyObject* args) {
  Client* const client = (Client*)self;
  int format = 0;
  int milliseconds = 0;
  if (!PyArg_ParseTuple(args, "ii", &format, &milliseconds)) return NULL;
  char* text = NULL;
  size_t bytes = 0;
  Py_BEGIN_ALLOW_THREADS;
  text = percpud_render(client->handle, (percpud_format)format, milliseconds, &bytes);
  Py_END_ALLOW_THREADS;
  TellNotices(client);
  if (text == NULL) return RaiseReason(client);
  PyObject* const out = PyBytes_FromStringAndSize(text, (Py_ssize_t)bytes);
  percpud_free(text);
  return out;
}

// Makes a list of the copies of a variable, by CPU; None for a CPU without one.
static PyObject* CopiesOf(const percpud_variable* variable) {
  const int flags = percpud_variable_is_writable(variable) ? PyBUF_WRITE : PyBUF_READ;
  const uint32_t cpus = percpud_variable_cpus(variable);
  PyObject* const out = PyList_New((Py_ssize_t)cpus);
  for (uint32_t cpu = 0; out != NULL && cpu < cpus; ++cpu) {
    char* const data = percpud_variable_data(variable, cpu);
    PyObject* const copy =
        data == NULL
            ? Py_NewRef(Py_None)
            : PyMemoryView_FromMemory(data, (Py_ssize_t)percpud_variable_size(variable), flags);
    if (copy == NULL || PyList_SetItem(out, (Py_ssize_t)cpu, copy) != 0) {
      Py_DECREF(out);
      return NULL;
    }
  }
  return out;
}

// Nothing tells when the last view of a mapping goes, so the client then stays open.
static PyObject* Variable(PyObject* self, PyObject* args) {
  Client* const client = (Client*)self;
  const char* name = NULL;
  Py_ssize_t size = 0;
  int milliseconds = 0;
  if (!PyArg_ParseTuple(args, "sni", &name, &size, &milliseconds)) return NULL;
  if (size < 0) {
    PyErr_SetString(PyExc_ValueError, "a size is not below 0");
    return NULL;
  }
  percpud_variable* variable = NULL;
  Py_BEGIN_ALLOW_THREADS;
  variable = percpud_variable_open(client->handle, name, (size_t)size, 0, milliseconds);
  Py_END_ALLOW_THREADS;
  TellNotices(client);
  if (variable == NULL) return RaiseReason(client);
  if (!client->pinned) Py_INCREF(self);
  client->pinned = 1;
  return CopiesOf(variable);
}

static PyObject* IsAttached(PyObject* self, void* unused) {
  (void)unused;
  return PyBool_FromLong(percpud_is_attached(((Client*)self)->handle));
}

static PyMethodDef kMethods[] = {
    {"poll", Poll, METH_NOARGS,
     "Looks for the daemon and moves what was counted locally, without waiting. Returns "
     "whether nothing is left to move."},
    {"wait", Wait, METH_VARARGS, "The same, waiting so many milliseconds at most."},
    {"collect", CollectClient, METH_VARARGS,
     "collect(family, milliseconds): what the namespace shows, or its family of that name. "
     "Returns whether the daemon has answered, and a list of families."},
    {"render", Render, METH_VARARGS,
     "render(format, milliseconds): what the namespace shows as bytes in TEXT or OPENMETRICS. "
     "OSError if the daemon does not answer."},
    {"variable", Variable, METH_VARARGS,
     "variable(name, size, milliseconds): the variable's copies as memoryviews, by CPU."},
    {"close_writer", CloseWriter, METH_VARARGS,
     "close_writer(label, milliseconds): as if that writer of this process had died."},
    {"reset", Reset, METH_VARARGS,
     "reset(if_generation, milliseconds): begins a new generation of the namespace, and "
     "returns its number. OSError if the daemon does not do it."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef kProperties[] = {
    {"attached", IsAttached, NULL, "Whether a daemon has admitted this process.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef kMembers[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Client, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject* MakeClientType(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, New},
      {Py_tp_dealloc, Dealloc},
      {Py_tp_traverse, Traverse},
      {Py_tp_clear, Clear},
      {Py_tp_methods, kMethods},
      {Py_tp_getset, kProperties},
      {Py_tp_members, kMembers},
      {Py_tp_doc,
       "Client(namespace=None, address=None, writer=None, on_notice=None, slot=False)\n\n"
       "A daemon, whether it is there or not, and one namespace of it. Threads may share it. "
       "It is closed when the last thing that was opened with it goes."},
      {0, NULL},
  };
  PyType_Spec spec = {
      .name = "percpud._percpud.Client",
      .basicsize = sizeof(Client),
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
      .slots = slots,
  };
  return (PyTypeObject*)PyType_FromModuleAndSpec(module, &spec, NULL);
}
