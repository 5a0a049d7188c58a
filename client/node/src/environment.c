// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "environment.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  // What has a name of its own at a time. More share the process's.
  kMostSlots = 256,
  // Milliseconds that the end of a thread waits for the daemon.
  kCloseWaitMs = 200,
};

typedef struct {
  // The first has the process's name.
  uint32_t slot;
  char writer[32];
  Client** clients;
  uint32_t client_count;
} Environment;

// Which slots are taken. The names of threads that have ended are used again, so that they
// stay few.
static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool g_taken[kMostSlots];

static uint32_t TakeSlot(void) {
  uint32_t slot = 0;
  pthread_mutex_lock(&g_mutex);
  while (slot < kMostSlots && g_taken[slot]) ++slot;
  if (slot < kMostSlots) g_taken[slot] = true;
  pthread_mutex_unlock(&g_mutex);
  return slot;
}

static void LeaveSlot(uint32_t slot) {
  if (slot >= kMostSlots) return;
  pthread_mutex_lock(&g_mutex);
  g_taken[slot] = false;
  pthread_mutex_unlock(&g_mutex);
}

static bool HasOwnName(const Environment* own) { return own->slot > 0 && own->slot < kMostSlots; }

static void End(napi_env env, void* data, void* hint) {
  (void)env;
  (void)hint;
  Environment* const own = data;
  for (uint32_t i = 0; i < own->client_count; ++i) {
    if (HasOwnName(own)) {
      percpud_writer_close(HandleOf(own->clients[i]), own->writer, kCloseWaitMs);
    }
    DropClient(own->clients[i]);
  }
  LeaveSlot(own->slot);
  free(own->clients);
  free(own);
}

bool MakeEnvironment(napi_env env) {
  Environment* const own = calloc(1, sizeof(Environment));
  if (own == NULL) {
    napi_throw_error(env, NULL, "memory is short");
    return false;
  }
  own->slot = TakeSlot();
  snprintf(own->writer, sizeof(own->writer), "%d.%u", (int)getpid(), (unsigned)own->slot);
  if (Ok(env, napi_set_instance_data(env, own, &End, NULL))) return true;
  End(env, own, NULL);
  return false;
}

static Environment* OwnOf(napi_env env) {
  void* own = NULL;
  return Ok(env, napi_get_instance_data(env, &own)) ? own : NULL;
}

bool HoldClient(napi_env env, Client* client) {
  Environment* const own = OwnOf(env);
  if (own == NULL) {
    DropClient(client);
    return false;
  }
  for (uint32_t i = 0; i < own->client_count; ++i) {
    if (own->clients[i] != client) continue;
    DropClient(client);
    return true;
  }
  Client** const clients = realloc(own->clients, (own->client_count + 1) * sizeof(Client*));
  if (clients == NULL) {
    DropClient(client);
    napi_throw_error(env, NULL, "memory is short");
    return false;
  }
  own->clients = clients;
  own->clients[own->client_count++] = client;
  return true;
}

const char* WriterOf(napi_env env) {
  const Environment* const own = OwnOf(env);
  return own != NULL && HasOwnName(own) ? own->writer : NULL;
}
