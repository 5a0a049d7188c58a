// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A namespace of a daemon, which a process keeps for all its requests: the library's client,
// and the handles of what was opened with it.

#ifndef PERCPUD_CLIENT_PHP_SRC_LINK_H_
#define PERCPUD_CLIENT_PHP_SRC_LINK_H_

#include "client/php/src/module.h"

enum {
  // Milliseconds that an opening, a collection and a wipe wait for the daemon.
  kWaitMs = 1000,
  // The types of percpud_type are numbered from 1.
  kTypes = PERCPUD_SUMMARY + 1,
};

typedef struct Link {
  struct Link* next;
  // NULL: the packaged daemon's, or $PERCPUD_ADDRESS.
  char* address;
  char* name_space;
  // NULL before the first use.
  percpud_client* client;
  // What is open: for each type, tables of metrics by name.
  HashTable metrics[kTypes];
  // Counts how often the namespace was wiped by PHP, wherever. The library does not tell other
  // processes, and what they have open of a shared gauge is seen by nobody then.
  percpud_counter* wipes;
  uint64_t wipes_seen;
  int knows_wipes;
  uint32_t updates;
  int64_t next_poll_ns;
} Link;

// Returns the process's link to a namespace. An empty text or NULL stands for what php.ini
// says, and what the environment says after that.
Link* FindLink(const char* name_space, const char* address);

// Returns the client, which it opens first if need be. NULL if memory is short.
percpud_client* ClientOf(Link* link);

// Has the library look for the daemon and move what is local, at most once a second.
void PollIfDue(Link* link);

// The same, for each of many updates.
void PollSometimes(Link* link, int is_shared);

// Forgets what is open if the namespace was wiped by another process.
void NoticeWipe(Link* link);

// Takes away everything that the namespace has. Returns 0, or -1 if the daemon does not do
// it; what this process has counted locally goes in either case.
int Wipe(Link* link);

// Closes all links of a list, which is empty then.
void EndLinks(Link** links);

#endif  // PERCPUD_CLIENT_PHP_SRC_LINK_H_
