/* Copyright 2026 The percpud Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * percpud for C, and for every language that can call C: counters that all
 * processes of a host share, that cost nanoseconds, and that survive any of them.
 *
 *     percpud_client* metrics = percpud_open(NULL);
 *     percpud_counter* hits = percpud_counter_open(metrics, "shop/hits");
 *     percpud_counter_add(hits, 1);
 *
 * A counter works at once and for ever. Without a daemon it counts in this
 * process; what it has counted is added to the shared copies by the first percpud_poll or
 * percpud_wait that finds the daemon. What
 * keeps a counter local is said once, through a callback.
 *
 * Counting (percpud_counter_add) makes no system call, takes no lock, allocates
 * nothing and cannot fail. It is async-signal-safe.
 *
 * Threads: every function from any thread, percpud_close and percpud_discard excepted.
 *
 * fork: a child goes on counting in the shared copies at once. What its parent had
 * counted locally stays the parent's. The child is admitted as itself when it next
 * calls percpud_poll, percpud_wait or percpud_counter_open.
 *
 * A daemon that starts again with the same arena goes unnoticed: counting went on
 * meanwhile. One that starts with an empty arena (a cold start) is noticed by the
 * next percpud_poll, and the counters are opened anew; what was added to the old
 * arena's copies until then is lost with them.
 */

#ifndef PERCPUD_CLIENT_C_PERCPUD_H_
#define PERCPUD_CLIENT_C_PERCPUD_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PERCPUD_EXPORT __attribute__((visibility("default")))

/* A daemon, whether it is there or not. */
typedef struct percpud_client percpud_client;
/* A number of 64 bits that all processes add to. It belongs to its client. Programs do
 * not make one themselves: what percpud_inline.h shows of it is its beginning. */
typedef struct percpud_counter percpud_counter;

/* What a counter may have to say for counting locally. */
typedef enum {
  /* Nobody answers at the address. */
  PERCPUD_NO_DAEMON = 1,
  /* The daemon does not admit this process, or hung up on it. */
  PERCPUD_NOT_ADMITTED = 2,
  /* The daemon is too old: it cannot open counters by the side door. */
  PERCPUD_OLD_DAEMON = 3,
  /* This process may not write the arena, or cannot update it as others do. Its
   * counts are sent to the daemon by percpud_poll. */
  PERCPUD_NOT_MAPPED = 4,
  /* The daemon refused a counter; the text names it. */
  PERCPUD_COUNTER_REFUSED = 5,
  /* The daemon refused series of a family; the text names it. */
  PERCPUD_SERIES_REFUSED = 6
} percpud_notice;

/* Called with one of the above the first time that it comes up (the last one: for each
 * family), from within the call that found out, which holds a lock: it may not call
 * back. `text` is valid during the call. */
typedef void (*percpud_notice_fn)(void* context, percpud_notice notice, const char* text);

/* `address` is unix:PATH, as percpud has it for --listen. NULL takes it from
 * $PERCPUD_ADDRESS or, if there is none, the packaged daemon's. Connects to nothing
 * yet. NULL only if memory is short. */
PERCPUD_EXPORT percpud_client* percpud_open(const char* address);

/* Sends what was counted locally if the daemon is there, and frees everything, the
 * counters too. No other thread may be using any of it. NULL is allowed. */
PERCPUD_EXPORT void percpud_close(percpud_client* p);

/* The same, but sends nothing: what was counted locally is lost, and no series is opened
 * again on the way. For one who has learned that all of it was reset. */
PERCPUD_EXPORT void percpud_discard(percpud_client* p);

/* Whom to tell. Before the first counter is opened, to hear all. */
PERCPUD_EXPORT void percpud_on_notice(percpud_client* p, percpud_notice_fn notice, void* context);

/* The counter of that name, made if there is none; the same one for the same name.
 * Also goes on with what was begun, as percpud_poll does, but for local counts. NULL
 * only if memory is short or `p` is NULL; adding to NULL does nothing. */
PERCPUD_EXPORT percpud_counter* percpud_counter_open(percpud_client* p, const char* name);

/* Adds `n`, modulo 2^64. Where percpud_inline.h can, it is inlined into the program, and
 * is a call only while the counter is local. */
PERCPUD_EXPORT void percpud_counter_add(percpud_counter* counter, uint64_t n);

/* What all processes have counted, as far as this one can see: the shared copies,
 * each read at its own moment, and what this process has counted locally. */
PERCPUD_EXPORT uint64_t percpud_counter_sum(const percpud_counter* counter);

/* Looks for the daemon, at most once a second, and goes on with what was begun:
 * opens counters, adds what was counted locally. Never waits. Returns 1 if every
 * counter is shared and nothing is left to add, else 0. */
PERCPUD_EXPORT int percpud_poll(percpud_client* p);

/* The same, waiting `milliseconds` at most for that to be so. */
PERCPUD_EXPORT int percpud_wait(percpud_client* p, int milliseconds);

/* Returns 1 while a daemon has admitted this process, else 0. Asks nobody. */
PERCPUD_EXPORT int percpud_is_attached(percpud_client* p);

/* Of the library, such as "0.1.0". */
PERCPUD_EXPORT const char* percpud_version(void);

#ifdef __cplusplus
}
#endif

/* They lie beside this header, wherever that is installed. Each speaks of what the ones
 * before declare. */
#include "percpud_metrics.h"

#include "percpud_collect.h"

#include "percpud_variable.h"

#include "percpud_inline.h"

#endif /* PERCPUD_CLIENT_C_PERCPUD_H_ */
