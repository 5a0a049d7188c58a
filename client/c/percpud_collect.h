/* Copyright 2026 The percpud Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a namespace shows, read by any process that may: all families, all series, what
 * they come to, and who has set a gauge. And how series are taken away. Programs include
 * percpud.h, which includes this.
 *
 *     percpud_collection* all = percpud_collect_begin(metrics, NULL, 1000);
 *     for (size_t i = 0; i < percpud_collection_size(all); ++i) {
 *       const percpud_family_view* family = percpud_collection_family(all, i);
 *       for (uint32_t n = 0; n < family->series_count; ++n) {
 *         printf("%s %g\n", family->name.text, family->series[n].value);
 *       }
 *     }
 *     percpud_collection_end(all);
 *
 * These functions may wait: `milliseconds` at most for the daemon's answers, and as long
 * for another thread that does the same with this client. They lock nothing that
 * updates need.
 *
 * The structures are filled by the library, which may append fields to them. Programs
 * reach them through the pointers that they get, and make none of their own.
 */

#ifndef PERCPUD_CLIENT_C_PERCPUD_COLLECT_H_
#define PERCPUD_CLIENT_C_PERCPUD_COLLECT_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A text of `bytes` bytes. It ends with a zero that `bytes` does not count. */
typedef struct {
  const char* text;
  size_t bytes;
} percpud_text;

/* One that has set a gauge. */
typedef struct {
  /* Its process id, or what it is called instead. */
  percpud_text label;
  double value;
  /* When it was set, in seconds since 1970. */
  double timestamp;
  /* 0: it has died. */
  int is_live;
} percpud_writer_view;

typedef struct {
  /* One for each of the family's label names. */
  const percpud_text* label_values;
  /* What a counter or a gauge comes to; the sum of a histogram's or summary's observations.
   * A gauge with PERCPUD_FOLD_ALL has a value for each writer instead, and 0 here. */
  double value;
  /* Observations; of a counter with PERCPUD_INTEGER its number. */
  uint64_t count;
  /* Of a histogram: observations up to each bound, and last all of them. */
  uint32_t bucket_count;
  uint32_t writer_count;
  const uint64_t* buckets;
  /* Of a gauge that is set by each process: the live, and the dead as far as they are
   * kept one by one. Only those that have set it. */
  const percpud_writer_view* writers;
  /* Nanoseconds since 1970: when it began to count. 0 if that is not known. */
  uint64_t created_ns;
  /* 0: a gauge that nobody has set. Scrapers do not see it. */
  int is_set;
} percpud_series_view;

/* For percpud_family_view.flags, beside those of percpud_family_options: the daemon does not
 * know of this family. What it shows was counted by this process alone. */
#define PERCPUD_IS_LOCAL 0x10000U

typedef struct {
  /* As it was opened: a counter's may end with `_total`, or not. */
  percpud_text name;
  percpud_text help;
  percpud_text unit;
  percpud_type type;
  /* Of gauges; else 0. */
  percpud_fold fold;
  uint32_t flags;
  uint32_t label_count;
  const percpud_text* label_names;
  const double* bounds;
  uint32_t bound_count;
  uint32_t series_count;
  /* In the order in which they were made. */
  const percpud_series_view* series;
  /* Openings that wanted another shape, and series that found the family full. */
  uint64_t refused;
  uint64_t overflowed;
  uint64_t created_ns;
} percpud_family_view;

/* What was read of a namespace. It belongs to the program, and outlives the client. */
typedef struct percpud_collection percpud_collection;

/* Reads the client's namespace, or its family of that name. Opens and adds first what is
 * local here. If the daemon does not answer, this shows the names that it had last and
 * what they come to now; if it never did, what this process has counted (PERCPUD_IS_LOCAL).
 * percpud_reason says why. Returns NULL only if memory is short or `p` is NULL. */
PERCPUD_EXPORT percpud_collection* percpud_collect_begin(percpud_client* p, const char* family,
                                                         int milliseconds);
/* Returns how many families there are. */
PERCPUD_EXPORT size_t percpud_collection_size(const percpud_collection* collection);
/* Returns a family, in the order in which they were made; NULL if there are not so many. */
PERCPUD_EXPORT const percpud_family_view* percpud_collection_family(
    const percpud_collection* collection, size_t index);
/* Returns 1 if the daemon has answered, else 0. */
PERCPUD_EXPORT int percpud_collection_is_fresh(const percpud_collection* collection);
/* NULL is allowed. */
PERCPUD_EXPORT void percpud_collection_end(percpud_collection* collection);

/* Called with each family and no series, and then with each of its series. The call
 * after one that returns another number than 0 does not come. */
typedef int (*percpud_collect_fn)(void* context, const percpud_family_view* family,
                                  const percpud_series_view* series);

/* Reads the client's namespace as percpud_collect_begin does. Holds no lock while it calls
 * back. Returns what the last call returned; 0 if there was none, -1 if memory is short. */
PERCPUD_EXPORT int percpud_collect(percpud_client* p, int milliseconds, percpud_collect_fn collect,
                                   void* context);

/* Formats that Prometheus scrapes. */
typedef enum {
  /* text/plain; version=0.0.4 */
  PERCPUD_TEXT = 1,
  /* application/openmetrics-text; version=1.0.0 */
  PERCPUD_OPENMETRICS = 2
} percpud_format;

/* Returns everything that the client's namespace shows, of all processes and as the
 * exporter shows it, in memory that percpud_free takes. It ends with a zero that `size`
 * does not count; `size` may be NULL. Opens and adds first what is local here. Returns NULL
 * if the daemon does not answer (percpud_reason says why) or if memory is short. */
PERCPUD_EXPORT char* percpud_render(percpud_client* p, percpud_format format, int milliseconds,
                                    size_t* size);
/* NULL is allowed. */
PERCPUD_EXPORT void percpud_free(char* text);

/* The following return how many series they took away, or -1 if the daemon did not do
 * it (percpud_reason says why). What is local in this process, its own shares and what it
 * has set go in either case. Other processes are not told; each goes on with its own
 * shares. What was opened stays valid. */

/* Removes a series: it is not shown until it is opened again or moves, from 0 then. */
PERCPUD_EXPORT int64_t percpud_remove(percpud_family* family, const char* const* label_values,
                                      int milliseconds);
/* Removes every series of the family, those of other processes too. */
PERCPUD_EXPORT int64_t percpud_remove_all(percpud_family* family, int milliseconds);
/* Has a series count from 0 again. It stays shown. */
PERCPUD_EXPORT int64_t percpud_reset(percpud_family* family, const char* const* label_values,
                                     int milliseconds);
/* Has every series of the family count from 0 again. */
PERCPUD_EXPORT int64_t percpud_reset_all(percpud_family* family, int milliseconds);

/* Begins a new generation of the client's namespace: everything counts from 0, and no
 * family has a shape until it is opened again. With an `if_generation` that is not 0 only if
 * the namespace is in that one: of many processes that start, one resets. `generation`
 * may be NULL; it gets the generation that the namespace is in then. */
PERCPUD_EXPORT int64_t percpud_reset_namespace(percpud_client* p, uint64_t if_generation,
                                               uint64_t* generation, int milliseconds);

/* Writes why one of these functions, or percpud_writer_close, failed last to `to`, cut
 * to `room` with the zero at its end. Returns how many bytes the whole has. */
PERCPUD_EXPORT size_t percpud_reason(percpud_client* p, char* to, size_t room);

#ifdef __cplusplus
}
#endif

#endif /* PERCPUD_CLIENT_C_PERCPUD_COLLECT_H_ */
