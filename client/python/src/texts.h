// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Python's strings as C has them.

#ifndef PERCPUD_CLIENT_PYTHON_SRC_TEXTS_H_
#define PERCPUD_CLIENT_PYTHON_SRC_TEXTS_H_

#include "client/python/src/module.h"

// Strings that stay where they are until they are dropped.
typedef struct {
  // There are `count` of them.
  const char** items;
  size_t count;
  // What keeps them.
  PyObject* kept;
} Texts;

// Takes a sequence of strings; NULL stands for an empty one. What is not UTF-8, and zeros, are
// replaced: a label must not break an application. Returns 0 with an exception set.
int TakeTexts(Texts* out, PyObject* sequence);
void DropTexts(Texts* texts);

#endif  // PERCPUD_CLIENT_PYTHON_SRC_TEXTS_H_
