// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// percpud_client for Ruby, shared by everything that was opened with it, which keeps it.

#ifndef PERCPUD_CLIENT_RUBY_EXT_PERCPUD_CLIENT_H_
#define PERCPUD_CLIENT_RUBY_EXT_PERCPUD_CLIENT_H_

#include "native.h"

// What the library has to say, until Ruby can be told.
typedef struct Notice {
  struct Notice* next;
  char text[];
} Notice;

typedef struct {
  percpud_client* handle;
  // Called with the text, or nil.
  VALUE on_notice;
  // Pushed by any thread, without Ruby's lock; atomic.
  Notice* notices;
  // Updates since the client was made: they have the library polled.
  uint32_t updates;
  int64_t next_poll_ns;
  // How often the namespace was reset by it: own shares begin anew then.
  uint64_t resets;
} Client;

// Raises TypeError for other objects.
Client* ClientOf(VALUE client);

// Own shares that were counted in another era are of another process, or were reset.
static inline uint64_t EraOf(const Client* client) { return Forks() + client->resets; }

// After an update, now and then: has the library look for the daemon and move what was
// counted locally, once a second at most. `shared` says whether the series that was
// updated has nothing to wait for.
void PollSometimes(Client* client, int shared);

// Tells Ruby what the library had to say. Exceptions of the one that is told go no further.
void TellNotices(Client* client);

// Raises Percpud::Error with the library's reason.
__attribute__((noreturn)) void RaiseReason(Client* client);

// Defined in collect.c: Client#collect.
VALUE CollectClient(VALUE self, VALUE family, VALUE milliseconds);

#endif  // PERCPUD_CLIENT_RUBY_EXT_PERCPUD_CLIENT_H_
