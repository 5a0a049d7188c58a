// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The extension module percpud._percpud: libpercpud for Python. It has a state for each
// interpreter and no Python object of its own beside it, so that subinterpreters may
// import it.

#include "client/python/src/module.h"

#include <pthread.h>

#include "client/python/src/methods.h"

// Where the packaged daemon listens.
static const char kDefaultAddress[] = "unix:/run/percpud/percpud.sock";

static pthread_once_t g_once = PTHREAD_ONCE_INIT;
static uint64_t g_forks = 1;

static void CountFork(void) { __atomic_add_fetch(&g_forks, 1, __ATOMIC_RELAXED); }
static void InstallForkHandler(void) { pthread_atfork(NULL, NULL, &CountFork); }

uint64_t Forks(void) { return __atomic_load_n(&g_forks, __ATOMIC_RELAXED); }

ModuleState* StateOf(PyObject* object) {
  ModuleState* const state = PyType_GetModuleState(Py_TYPE(object));
  assert(state != NULL);
  return state;
}

void FreeObject(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  freefunc const release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  release(object);
  Py_DECREF(type);
}

double ToDouble(PyObject* number) { return PyFloat_AsDouble(number); }

static int AddType(PyObject* module, PyTypeObject** place, PyTypeObject* made) {
  *place = made;
  return made == NULL ? -1 : PyModule_AddType(module, made);
}

static int AddConstants(PyObject* module) {
  static const struct {
    const char* name;
    long value;
  } constants[] = {
      {"COUNTER", PERCPUD_COUNTER},         {"GAUGE", PERCPUD_GAUGE},
      {"HISTOGRAM", PERCPUD_HISTOGRAM},     {"SUMMARY", PERCPUD_SUMMARY},
      {"FOLD_ALL", PERCPUD_FOLD_ALL},       {"FOLD_MIN", PERCPUD_FOLD_MIN},
      {"FOLD_MAX", PERCPUD_FOLD_MAX},       {"FOLD_SUM", PERCPUD_FOLD_SUM},
      {"FOLD_SHARED", PERCPUD_FOLD_SHARED}, {"FOLD_MOST_RECENT", PERCPUD_FOLD_MOST_RECENT},
      {"LIVE_ONLY", PERCPUD_LIVE_ONLY},     {"TEXT", PERCPUD_TEXT},
      {"OPENMETRICS", PERCPUD_OPENMETRICS},
  };
  for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); ++i) {
    if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) != 0) return -1;
  }
  if (PyModule_AddStringConstant(module, "default_address", kDefaultAddress) != 0) return -1;
  return PyModule_AddStringConstant(module, "version", percpud_version());
}

static int Execute(PyObject* module) {
  pthread_once(&g_once, &InstallForkHandler);
  ModuleState* const state = PyModule_GetState(module);
  if (AddType(module, &state->client, MakeClientType(module)) != 0) return -1;
  if (AddType(module, &state->family, MakeFamilyType(module)) != 0) return -1;
  if (AddType(module, &state->writer, MakeWriterType(module)) != 0) return -1;
  if (AddType(module, &state->value, MakeValueType(module)) != 0) return -1;
  if (AddType(module, &state->distribution, MakeDistributionType(module)) != 0) return -1;
  if (AddType(module, &state->part, MakePartType(module)) != 0) return -1;
  return AddConstants(module);
}

static int Traverse(PyObject* module, visitproc visit, void* arg) {
  const ModuleState* const state = PyModule_GetState(module);
  Py_VISIT(state->client);
  Py_VISIT(state->family);
  Py_VISIT(state->writer);
  Py_VISIT(state->value);
  Py_VISIT(state->distribution);
  Py_VISIT(state->part);
  return 0;
}

static int Clear(PyObject* module) {
  ModuleState* const state = PyModule_GetState(module);
  Py_CLEAR(state->client);
  Py_CLEAR(state->family);
  Py_CLEAR(state->writer);
  Py_CLEAR(state->value);
  Py_CLEAR(state->distribution);
  Py_CLEAR(state->part);
  return 0;
}

static void Free(void* module) { Clear(module); }

static PyMethodDef kFunctions[] = {
    {"method", ReplaceMethod, METH_VARARGS, kReplaceMethodDoc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot kSlots[] = {
    {Py_mod_exec, &Execute},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef kModule = {
    PyModuleDef_HEAD_INIT,
    .m_name = "percpud._percpud",
    .m_doc = "libpercpud for Python. Programs use percpud and percpud.prometheus.",
    .m_size = sizeof(ModuleState),
    .m_methods = kFunctions,
    .m_slots = kSlots,
    .m_traverse = Traverse,
    .m_clear = Clear,
    .m_free = Free,
};

PyMODINIT_FUNC PyInit__percpud(void);
PyMODINIT_FUNC PyInit__percpud(void) { return PyModuleDef_Init(&kModule); }
