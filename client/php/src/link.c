// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/php/src/link.h"

#include <inttypes.h>
#include <php_ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "client/php/src/handles.h"

// Updates of shared series between two readings of the clock.
enum { kUpdatesPerLook = 32 };
static const int64_t kPollNs = 1000000000;

static int64_t CoarseNowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// The library's callback. It comes with the library's lock held, and writes to PHP's log only.
static void Hear(void* context, percpud_notice notice, const char* text) {
  (void)context;
  (void)notice;
  char line[1024];
  snprintf(line, sizeof(line), "percpud: %s", text);
  php_log_err_with_severity(line, LOG_WARNING);
}

// The name of a counter that all processes with this namespace share.
static void NameWipes(const char* name_space, char* to, size_t room) {
  uint64_t hash = 0xcbf29ce484222325;
  for (; *name_space != '\0'; ++name_space) {
    hash = (hash ^ (unsigned char)*name_space) * 0x100000001b3;
  }
  snprintf(to, room, "percpud-php/wipes/%016" PRIx64, hash);
}

static void Begin(Link* link) {
  const percpud_options options = {.size = sizeof(options),
                                   .address = link->address,
                                   .name_space = link->name_space,
                                   .open_wait_ms = kWaitMs};
  link->client = percpud_open_as(&options);
  percpud_on_notice(link->client, &Hear, NULL);
  char name[64];
  NameWipes(link->name_space, name, sizeof(name));
  link->wipes = percpud_counter_open(link->client, name);
  link->knows_wipes = 0;
  NoticeWipe(link);
}

// What is local goes with what is wiped. It cannot join: a process that is admitted by now only,
// as a child of a fork is, would open all of its series again, and they would be there with zeros.
static void End(Link* link) {
  if (link->client == NULL) return;
  ForgetHandles(link->metrics);
  percpud_discard(link->client);
  link->client = NULL;
  link->wipes = NULL;
}

// The first text that says something.
static const char* Said(const char* said, const char* ini, const char* variable) {
  if (said != NULL && *said != '\0') return said;
  if (ini != NULL && *ini != '\0') return ini;
  const char* const set = getenv(variable);
  return set != NULL && *set != '\0' ? set : NULL;
}

static int IsSame(const char* a, const char* b) {
  return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static Link* MakeLink(const char* name_space, const char* address) {
  Link* const link = pecalloc(1, sizeof(Link), 1);
  link->name_space = pestrdup(name_space, 1);
  link->address = address == NULL ? NULL : pestrdup(address, 1);
  InitHandles(link->metrics);
  link->next = PERCPUD_G(links);
  PERCPUD_G(links) = link;
  return link;
}

Link* FindLink(const char* name_space, const char* address) {
  const char* const set = Said(name_space, INI_STR("percpud.namespace"), "PERCPUD_NAMESPACE");
  const char* const found = set == NULL ? "default" : set;
  const char* const where = Said(address, INI_STR("percpud.address"), "PERCPUD_ADDRESS");
  for (Link* link = PERCPUD_G(links); link != NULL; link = link->next) {
    if (IsSame(link->name_space, found) && IsSame(link->address, where)) return link;
  }
  return MakeLink(found, where);
}

percpud_client* ClientOf(Link* link) {
  if (link->client == NULL) Begin(link);
  return link->client;
}

void NoticeWipe(Link* link) {
  // While the counter is local it does not know.
  if (link->wipes == NULL || link->wipes->unit0 == NULL) return;
  const uint64_t wipes = percpud_counter_sum(link->wipes);
  if (link->knows_wipes && wipes != link->wipes_seen) End(link);
  link->wipes_seen = wipes;
  link->knows_wipes = 1;
}

void PollIfDue(Link* link) {
  const int64_t now = CoarseNowNs();
  if (link->client == NULL || now < link->next_poll_ns) return;
  link->next_poll_ns = now + kPollNs;
  percpud_poll(link->client);
}

void PollSometimes(Link* link, int is_shared) {
  if (is_shared && ++link->updates % kUpdatesPerLook != 0) return;
  const int64_t due = link->next_poll_ns;
  PollIfDue(link);
  // A worker whose request never ends notices here.
  if (due != link->next_poll_ns) NoticeWipe(link);
}

int Wipe(Link* link) {
  // Its series would be opened again.
  End(link);
  if (ClientOf(link) == NULL) return -1;
  if (percpud_reset_namespace(link->client, 0, NULL, kWaitMs) < 0) return -1;
  percpud_counter_add(link->wipes, 1);
  link->knows_wipes = 0;
  NoticeWipe(link);
  return 0;
}

void EndLinks(Link** links) {
  while (*links != NULL) {
    Link* const link = *links;
    *links = link->next;
    // PHP's log may be closed already.
    percpud_on_notice(link->client, NULL, NULL);
    NoticeWipe(link);
    ForgetHandles(link->metrics);
    EndHandles(link->metrics);
    percpud_close(link->client);
    pefree(link->name_space, 1);
    if (link->address != NULL) pefree(link->address, 1);
    pefree(link, 1);
  }
}
