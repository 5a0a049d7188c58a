// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// percpud_client for Python, shared by everything that was opened with it, which keeps it.

#ifndef PERCPUD_CLIENT_PYTHON_SRC_CLIENT_H_
#define PERCPUD_CLIENT_PYTHON_SRC_CLIENT_H_

#include "client/python/src/module.h"

// What the library has to say, until Python can be told.
typedef struct Notice {
  struct Notice* next;
  int kind;
  char text[];
} Notice;

typedef struct {
  PyObject_HEAD percpud_client* handle;
  // Called with (kind, text), or NULL.
  PyObject* on_notice;
  // Pushed by any thread, without Python's lock.
  Notice* notices;
  // Updates since the client was made, roughly: they have the library polled.
  uint32_t updates;
  int64_t next_poll_ns;
  // Views of its mapping are out, so that it stays open until the process ends.
  int pinned;
  PyObject* weak_references;
} Client;

// After an update, now and then: has the library look for the daemon and move what was
// counted locally, once a second at most. `shared` says whether the series that was
// updated has nothing to wait for.
void PollSometimes(Client* client, int shared);

// Tells Python what the library had to say. Exceptions of the one that is told are
// reported and go no further.
void TellNotices(Client* client);

// Sets an exception with the library's reason, and returns NULL.
PyObject* RaiseReason(Client* client);

#endif  // PERCPUD_CLIENT_PYTHON_SRC_CLIENT_H_
