// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "environment.h"
#include "texts.h"

enum {
  // Milliseconds that an opening waits for the daemon's answer.
  kOpenWaitMs = 1000,
};

// What the library has to say, until JavaScript asks.
typedef struct Notice {
  struct Notice* next;
  char text[];
} Notice;

struct Client {
  percpud_client* handle;
  // NULL: as the library finds them.
  char* name_space;
  char* address;
  // Environments, and work that is under way.
  uint32_t users;
  // Pushed by any thread.
  Notice* notices;
  Client* next;
};

// All clients and their `users`.
static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
static Client* g_clients;

percpud_client* HandleOf(Client* client) { return client->handle; }

// The library's callback: it comes with the library's lock held, and from any thread.
static void Hear(void* context, percpud_notice kind, const char* text) {
  (void)kind;
  Client* const client = context;
  const size_t bytes = strlen(text) + 1;
  Notice* const notice = malloc(sizeof(Notice) + bytes);
  if (notice == NULL) return;
  memcpy(notice->text, text, bytes);
  notice->next = __atomic_load_n(&client->notices, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(&client->notices, &notice->next, notice, true,
                                      __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
  }
}

// Takes the notices, the oldest first.
static Notice* TakeNotices(Client* client) {
  Notice* last = __atomic_exchange_n(&client->notices, NULL, __ATOMIC_ACQUIRE);
  Notice* first = NULL;
  while (last != NULL) {
    Notice* const before = last->next;
    last->next = first;
    first = last;
    last = before;
  }
  return first;
}

static void FreeNotices(Notice* first) {
  while (first != NULL) {
    Notice* const after = first->next;
    free(first);
    first = after;
  }
}

static void Destroy(Client* client) {
  percpud_close(client->handle);
  FreeNotices(TakeNotices(client));
  free(client->name_space);
  free(client->address);
  free(client);
}

void KeepClient(Client* client) {
  pthread_mutex_lock(&g_mutex);
  ++client->users;
  pthread_mutex_unlock(&g_mutex);
}

void DropClient(Client* client) {
  pthread_mutex_lock(&g_mutex);
  const bool is_last = --client->users == 0;
  if (is_last) {
    Client** at = &g_clients;
    while (*at != client) at = &(*at)->next;
    *at = client->next;
  }
  pthread_mutex_unlock(&g_mutex);
  if (is_last) Destroy(client);
}

static bool IsSame(const char* one, const char* other) {
  if (one == NULL || other == NULL) return one == other;
  return strcmp(one, other) == 0;
}

// Makes a client that takes both texts; NULL if memory is short. REQUIRES: g_mutex is held.
static Client* Make(char* name_space, char* address) {
  const percpud_options options = {.size = sizeof(options),
                                   .address = address,
                                   .name_space = name_space,
                                   .open_wait_ms = kOpenWaitMs};
  Client* const client = calloc(1, sizeof(Client));
  if (client == NULL) return NULL;
  client->handle = percpud_open_as(&options);
  if (client->handle == NULL) {
    free(client);
    return NULL;
  }
  percpud_on_notice(client->handle, &Hear, client);
  client->name_space = name_space;
  client->address = address;
  client->next = g_clients;
  g_clients = client;
  return client;
}

// Finds or makes the client, and keeps it open. Takes both texts.
static Client* Find(char* name_space, char* address) {
  pthread_mutex_lock(&g_mutex);
  Client* client = g_clients;
  while (client != NULL &&
         !(IsSame(client->name_space, name_space) && IsSame(client->address, address))) {
    client = client->next;
  }
  const bool is_known = client != NULL;
  if (!is_known) client = Make(name_space, address);
  if (client != NULL) ++client->users;
  pthread_mutex_unlock(&g_mutex);
  if (is_known || client == NULL) {
    free(name_space);
    free(address);
  }
  return client;
}

napi_value ThrowReason(napi_env env, Client* client) {
  char reason[512] = "";
  percpud_reason(client->handle, reason, sizeof(reason));
  napi_throw_error(env, NULL, reason[0] != '\0' ? reason : "percpud does not answer");
  return NULL;
}

// client(namespace, address)
static napi_value Open(napi_env env, napi_callback_info info) {
  napi_value args[2];
  char* name_space = NULL;
  char* address = NULL;
  if (!Arguments(env, info, 2, args) || !TakeOptionalText(env, args[0], &name_space)) return NULL;
  if (!TakeOptionalText(env, args[1], &address)) {
    free(name_space);
    return NULL;
  }
  Client* const client = Find(name_space, address);
  if (client == NULL) {
    napi_throw_error(env, NULL, "memory is short");
    return NULL;
  }
  return HoldClient(env, client) ? FromPointer(env, client) : NULL;
}

static Client* ToClient(napi_env env, napi_value value) {
  void* client = NULL;
  return ToPointer(env, value, &client) ? client : NULL;
}

static napi_value FromBool(napi_env env, bool value) {
  napi_value out = NULL;
  return Ok(env, napi_get_boolean(env, value, &out)) ? out : NULL;
}

// poll(client): whether nothing is left to move. Never waits.
static napi_value Poll(napi_env env, napi_callback_info info) {
  napi_value args[1];
  if (!Arguments(env, info, 1, args)) return NULL;
  Client* const client = ToClient(env, args[0]);
  return client == NULL ? NULL : FromBool(env, percpud_poll(client->handle) != 0);
}

// wait(client, milliseconds)
static napi_value Wait(napi_env env, napi_callback_info info) {
  napi_value args[2];
  int32_t milliseconds = 0;
  if (!Arguments(env, info, 2, args) || !ToInt(env, args[1], &milliseconds)) return NULL;
  Client* const client = ToClient(env, args[0]);
  if (client == NULL) return NULL;
  return FromBool(env, percpud_wait(client->handle, milliseconds) != 0);
}

// attached(client): whether a daemon has admitted this process.
static napi_value IsAttached(napi_env env, napi_callback_info info) {
  napi_value args[1];
  if (!Arguments(env, info, 1, args)) return NULL;
  Client* const client = ToClient(env, args[0]);
  return client == NULL ? NULL : FromBool(env, percpud_is_attached(client->handle) != 0);
}

// notices(client): what the library has said since it was asked last; undefined if nothing.
static napi_value Notices(napi_env env, napi_callback_info info) {
  napi_value args[1];
  if (!Arguments(env, info, 1, args)) return NULL;
  Client* const client = ToClient(env, args[0]);
  if (client == NULL || __atomic_load_n(&client->notices, __ATOMIC_RELAXED) == NULL) return NULL;
  Notice* const first = TakeNotices(client);
  napi_value out = NULL;
  bool is_sound = Ok(env, napi_create_array(env, &out));
  uint32_t count = 0;
  for (const Notice* notice = first; is_sound && notice != NULL; notice = notice->next) {
    napi_value const text = FromChars(env, notice->text);
    is_sound = text != NULL && Ok(env, napi_set_element(env, out, count++, text));
  }
  FreeNotices(first);
  return is_sound ? out : NULL;
}

// reset(client, if_generation, milliseconds): the generation that the namespace is in then.
static napi_value Reset(napi_env env, napi_callback_info info) {
  napi_value args[3];
  double if_generation = 0;
  int32_t milliseconds = 0;
  if (!Arguments(env, info, 3, args) || !ToDouble(env, args[1], &if_generation) ||
      !ToInt(env, args[2], &milliseconds)) {
    return NULL;
  }
  Client* const client = ToClient(env, args[0]);
  if (client == NULL) return NULL;
  uint64_t generation = 0;
  if (percpud_reset_namespace(client->handle, (uint64_t)if_generation, &generation, milliseconds) <
      0) {
    return ThrowReason(env, client);
  }
  return FromNumber(env, (double)generation);
}

bool AddClient(napi_env env, napi_value exports) {
  static const Function functions[] = {
      {"client", Open},         {"poll", Poll},   {"wait", Wait},
      {"attached", IsAttached}, {"reset", Reset}, {"notices", Notices},
  };
  return MakeEnvironment(env) &&
         AddFunctions(env, exports, functions, sizeof(functions) / sizeof(functions[0]));
}
