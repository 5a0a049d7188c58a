/* Copyright 2026 The percpud Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Families of metrics with labels, for Prometheus: counters, gauges, histograms and
 * summaries. Programs include percpud.h, which includes this.
 *
 *     percpud_family_options what = {.size = sizeof(what)};
 *     what.name = "http_request_seconds";
 *     what.help = "How long requests took.";
 *     what.type = PERCPUD_HISTOGRAM;
 *     ...
 *     percpud_family* requests = percpud_family_open(metrics, &what);
 *     percpud_series* get = percpud_series_open(requests, (const char*[]){"get"});
 *     percpud_observe(get, 0.25);
 *
 * A series works at once and for ever, as a counter does: while there is no daemon,
 * while there is no room, or after a refusal it counts in this process. The refusal is
 * said once for each family. What was counted locally is added to the shared cells by
 * the first percpud_poll, percpud_wait or opening that can.
 *
 * Updates (percpud_add, percpud_set, percpud_observe, percpud_add_to_sum) take no lock,
 * allocate nothing and cannot fail. They are async-signal-safe. They make no system
 * call; percpud_set and a gauge's percpud_add read the clock, which is one on machines
 * without a vDSO. An update of NULL, or of a series of another type, does nothing.
 *
 * fork: a child goes on in the shared cells at once, but for gauges: each process has a
 * cell of its own for those, and a child's is opened as soon as the child is admitted.
 * Shares and values that were local stay the parent's.
 */

#ifndef PERCPUD_CLIENT_C_PERCPUD_METRICS_H_
#define PERCPUD_CLIENT_C_PERCPUD_METRICS_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A metric of an application. It belongs to its client. */
typedef struct percpud_family percpud_family;
/* One set of label values of a family. It belongs to its client. */
typedef struct percpud_series percpud_series;

typedef enum {
  PERCPUD_COUNTER = 1,
  PERCPUD_GAUGE = 2,
  PERCPUD_HISTOGRAM = 3,
  PERCPUD_SUMMARY = 4
} percpud_type;

/* What a gauge shows of the values that many processes have set. */
typedef enum {
  /* Each one, with a label `pid`. */
  PERCPUD_FOLD_ALL = 1,
  PERCPUD_FOLD_MIN = 2,
  PERCPUD_FOLD_MAX = 3,
  PERCPUD_FOLD_SUM = 4,
  /* The one that was set last. */
  PERCPUD_FOLD_MOST_RECENT = 5,
  /* There is one value, which all processes set and add to. */
  PERCPUD_FOLD_SHARED = 6
} percpud_fold;

/* For percpud_family_options.flags. */
/* Of gauges: what a process has set goes when it dies. */
#define PERCPUD_LIVE_ONLY 1U
/* Of counters: whole numbers of 64 bits, to which percpud_counter_add adds. */
#define PERCPUD_INTEGER 2U
/* Of counters: each series remembers what this process has added to it (percpud_get),
 * percpud_counter_add excepted. That makes an addition slower. */
#define PERCPUD_OWN_SHARE 4U

/* What a family is. Begin with zeros, and set `size`. Nothing is kept of it. */
typedef struct {
  /* sizeof(percpud_family_options). */
  size_t size;
  /* By Prometheus's rules. A counter's may end with `_total`, or not. */
  const char* name;
  /* Any UTF-8. NULL is none, here and for `unit`. */
  const char* help;
  /* As `seconds`; the name ends with it then. */
  const char* unit;
  percpud_type type;
  /* Of gauges; of others without meaning. */
  percpud_fold fold;
  uint32_t flags;
  uint32_t label_count;
  const char* const* label_names;
  /* Of histograms: finite upper bounds, rising. The last bucket has none. */
  uint32_t bound_count;
  /* More series than this share one. 0 is the daemon's default. */
  uint32_t most_series;
  const double* bounds;
  /* A series that stands still for so long is removed. 0 is never. */
  uint32_t ttl_seconds;
} percpud_family_options;

/* How percpud_open_as differs from percpud_open. Begin with zeros, and set `size`. */
typedef struct {
  /* sizeof(percpud_options). */
  size_t size;
  /* As percpud_open has it. */
  const char* address;
  /* Whose metrics these are: any name or path of at most 255 bytes. NULL takes
   * $PERCPUD_NAMESPACE or, if there is none, `default`. */
  const char* name_space;
  /* What names this process among those that set a gauge. NULL is its process id. */
  const char* writer;
  /* An opening waits so long for the daemon to answer, so that what it returns is shared
   * already. A daemon that is not there is not waited for, and one that does not answer
   * is waited for once a second. 0: openings do not wait. */
  uint32_t open_wait_ms;
  /* PERCPUD_WRITER_SLOT, PERCPUD_SHARE_WITH_GROUP, or 0. */
  uint32_t flags;
  /* With PERCPUD_SHARE_WITH_GROUP: the number of a group. */
  uint32_t group;
} percpud_options;

/* For percpud_options.flags. The writer's name is the least number that no live writer of
 * the namespace has. Labels of such names stay few, however many processes come and go. */
#define PERCPUD_WRITER_SLOT 1U

/* A namespace that this client makes is open to the members of `group` too: they open, reset and
 * remove its series as its maker may. Without it $PERCPUD_GROUP says the number, if it is set.
 * A namespace that is there stays whose it is. */
#define PERCPUD_SHARE_WITH_GROUP 2U

PERCPUD_EXPORT percpud_client* percpud_open_as(const percpud_options* options);

/* Returns the family of that description, made if there is none. Opens nothing at the
 * daemon yet. Returns NULL if memory is short, or if no daemon would take the
 * description: without a name, with a NULL among the label names, with bounds that do
 * not rise, of a type that there is not. */
PERCPUD_EXPORT percpud_family* percpud_family_open(percpud_client* p,
                                                   const percpud_family_options* options);

/* Returns the series with these label values, made if there is none: one value for each
 * of the family's label names, none of them NULL. Also goes on with what was begun, as
 * percpud_counter_open does. Returns NULL if memory is short or `family` is NULL. */
PERCPUD_EXPORT percpud_series* percpud_series_open(percpud_family* family,
                                                   const char* const* label_values);

/* Returns the same series for another writer of this process. Gauges have a cell of their
 * own for each writer, and counters with PERCPUD_OWN_SHARE a share of their own, which
 * begins at 0; other cells are those of the series. NULL is the client's writer. */
PERCPUD_EXPORT percpud_series* percpud_series_open_as(percpud_family* family,
                                                      const char* const* label_values,
                                                      const char* writer);

/* Ends a writer of this process as if its process had died: what it has set is folded
 * into what the dead have left, or goes if the family is PERCPUD_LIVE_ONLY. Waits
 * `milliseconds` at most. Returns how many cells it had, 0 if there is no such writer
 * here, or -1 (percpud_reason). What it had opened stays valid: its values are 0, and what
 * is set next is in a cell anew. NULL is the client's writer. */
PERCPUD_EXPORT int64_t percpud_writer_close(percpud_client* p, const char* writer,
                                            int milliseconds);

/* Returns the number that PERCPUD_WRITER_SLOT gave to the client's writer; -1 while it
 * has none: before the first gauge is open at the daemon. */
PERCPUD_EXPORT int64_t percpud_writer_slot(percpud_client* p);

/* Returns 1 if the series counts in cells that all processes share, 0 while it is local. */
PERCPUD_EXPORT int percpud_series_is_shared(const percpud_series* series);

/* Returns the series as what percpud_counter_add adds to. NULL unless its family is a
 * counter with PERCPUD_INTEGER. */
PERCPUD_EXPORT percpud_counter* percpud_series_counter(percpud_series* series);

/* A series as percpud_number_add or percpud_histogram_observe counts in it, inlined into the
 * program where percpud_inline.h can. */
typedef struct percpud_number percpud_number;
typedef struct percpud_histogram percpud_histogram;

/* Returns the series of a counter of doubles; NULL of others, and with PERCPUD_OWN_SHARE. */
PERCPUD_EXPORT percpud_number* percpud_series_number(percpud_series* series);
/* The same as percpud_add. */
PERCPUD_EXPORT void percpud_number_add(percpud_number* number, double amount);

/* Returns the series of a histogram or a summary; NULL of others. */
PERCPUD_EXPORT percpud_histogram* percpud_series_histogram(percpud_series* series);
/* The same as percpud_observe. */
PERCPUD_EXPORT void percpud_histogram_observe(percpud_histogram* histogram, double value);

/* Adds to a counter or a gauge. A counter does not take what is below zero or not a
 * number; one with PERCPUD_INTEGER takes the whole part. */
PERCPUD_EXPORT void percpud_add(percpud_series* series, double amount);

/* Adds any finite amount to a counter, below zero too, or to a gauge. For programs that
 * keep the share of a process themselves. */
PERCPUD_EXPORT void percpud_adjust(percpud_series* series, double amount);

/* Sets a gauge. Of a counter with PERCPUD_OWN_SHARE it sets the share of this process,
 * by an addition that may be below zero. */
PERCPUD_EXPORT void percpud_set(percpud_series* series, double value);

/* The same, as if it were done at `timestamp`, in seconds since 1970: the later one counts
 * with PERCPUD_FOLD_MOST_RECENT. One that is not above 0 is now. */
PERCPUD_EXPORT void percpud_set_at(percpud_series* series, double value, double timestamp);

/* Returns what this process has set a gauge to, or has added to a counter with
 * PERCPUD_OWN_SHARE; of a gauge with PERCPUD_FOLD_SHARED what all have made of it.
 * Returns 0 for others. */
PERCPUD_EXPORT double percpud_get(const percpud_series* series);

/* Counts an observation into a histogram or a summary. One that is not a number is not
 * counted. */
PERCPUD_EXPORT void percpud_observe(percpud_series* series, double value);

/* Adds to a histogram's or summary's sum without an observation. */
PERCPUD_EXPORT void percpud_add_to_sum(percpud_series* series, double amount);

/* Adds `count` observations that come to `sum` to one bucket, which counts those that fell
 * into it and not into the ones below. Buckets are numbered from 0 by rising bounds; the
 * last has none and the number bound_count. A summary has bucket 0 alone. Both may be
 * below zero. Nothing is added to a bucket that there is not. */
PERCPUD_EXPORT void percpud_adjust_cell(percpud_series* series, uint32_t bucket, int64_t count,
                                        double sum);

/* Returns the bucket of a histogram that an observation falls into; 0 for other types. */
PERCPUD_EXPORT uint32_t percpud_bucket_of(const percpud_family* family, double value);

/* What percpud_read_series has seen. */
typedef struct {
  /* Observations. Of a counter with PERCPUD_INTEGER its number. Else 0. */
  uint64_t count;
  /* The sum of the observations, or the value of a counter or gauge. */
  double sum;
} percpud_reading;

/* Returns what the series' cells come to as far as this process sees them: shared cells,
 * each read at its own moment, and what is local here. A reset or removal is not taken
 * off; percpud_collect knows of those. Of a gauge it is this process's own value. */
PERCPUD_EXPORT percpud_reading percpud_read_series(const percpud_series* series);

#ifdef __cplusplus
}
#endif

#endif /* PERCPUD_CLIENT_C_PERCPUD_METRICS_H_ */
