// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/php/src/inherit.h"

#include "client/php/src/module.h"

#include <SAPI.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "client/php/src/handles.h"
#include "client/php/src/link.h"

// A fork is not held up for longer than the first of these for the daemon's answer, and about the
// second for openings. What is not opened by then is by the next fork, or by a child.
enum { kForkWaitMs = 200, kOpeningMs = 200 };

static bool g_serves;
static int64_t g_open_until_ms;

static int64_t NowMs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// What PHP would have opened itself.
static bool IsOfPhp(const percpud_family_view* family) {
  if ((family->flags & (PERCPUD_IS_LOCAL | PERCPUD_INTEGER)) != 0) return false;
  return family->type != PERCPUD_GAUGE || family->fold == PERCPUD_FOLD_SHARED;
}

static percpud_family* OpenFamily(Link* link, const percpud_family_view* family,
                                  const char** texts) {
  for (uint32_t i = 0; i < family->label_count; ++i) texts[i] = family->label_names[i].text;
  const percpud_family_options options = {
      .size = sizeof(options),
      .name = family->name.text,
      .help = family->help.text,
      .unit = family->unit.text,
      .type = family->type,
      .fold = PERCPUD_FOLD_SHARED,
      .label_count = family->label_count,
      .label_names = texts,
      .bound_count = family->bound_count,
      .bounds = family->bounds,
  };
  return percpud_family_open(ClientOf(link), &options);
}

static percpud_series* Open(Link* link, const percpud_family_view* family,
                            const percpud_series_view* what) {
  if (NowMs() > g_open_until_ms) return NULL;
  const char** const texts = safe_pemalloc(family->label_count, sizeof(*texts), sizeof(*texts), 1);
  percpud_family* const opened = OpenFamily(link, family, texts);
  for (uint32_t i = 0; i < family->label_count; ++i) texts[i] = what->label_values[i].text;
  percpud_series* const series = percpud_series_open(opened, texts);
  pefree(texts, 1);
  // A master may be another user, who may not write here. Its children open it themselves.
  return percpud_series_is_shared(series) ? series : NULL;
}

static void OpenAll(Link* link, const percpud_collection* all) {
  g_open_until_ms = NowMs() + kOpeningMs;
  for (size_t i = 0; i < percpud_collection_size(all); ++i) {
    const percpud_family_view* const family = percpud_collection_family(all, i);
    if (!IsOfPhp(family)) continue;
    for (uint32_t n = 0; n < family->series_count; ++n) {
      InheritHandle(link, family, &family->series[n], &Open);
    }
  }
}

static void BeforeFork(void) {
  if (g_serves) return;
  Link* const link = FindLink(NULL, NULL);
  NoticeWipe(link);
  percpud_collection* const all = percpud_collect_begin(ClientOf(link), NULL, kForkWaitMs);
  if (all == NULL) return;
  if (percpud_collection_is_fresh(all)) OpenAll(link, all);
  percpud_collection_end(all);
  // By now the link knows how many there were, and children notice what is wiped from here on.
  NoticeWipe(link);
}

void ServeRequests(void) { g_serves = true; }

void InheritByForks(void) {
  if (strcmp(sapi_module.name, "fpm-fcgi") != 0) return;
  // The library's own handlers are installed with its first client. Those of a later one run
  // before them, and so without the locks that they take.
  percpud_close(percpud_open(NULL));
  pthread_atfork(&BeforeFork, NULL, NULL);
}
