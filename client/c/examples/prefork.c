/* Copyright 2026 The percpud Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A prefork server without its sockets: a master forks workers that "serve requests" and count
 * each in a counter, a counter with a label, and a histogram. The master kills a random worker with
 * SIGKILL now and then, and forks another in its place.
 *
 *   prefork [--workers N] [--seconds S] [--kill-every MS] [--kills K]
 *
 * With percpud at $PERCPUD_ADDRESS and the namespace $PERCPUD_NAMESPACE. It ends after S seconds
 * or by SIGTERM, and says what the workers had begun and done: what percpud shows lies between,
 * since one request of each killed worker may have been under way.
 */

#include <percpud.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kMostWorkers = 64, kWaitMs = 30000, kStepMs = 20 };

/* What a worker's place has come to, over all workers that were in it. In memory that the
 * processes share; only the worker writes it, so that a kill loses none of it. */
typedef struct {
  _Alignas(64) volatile uint64_t begun;
  volatile uint64_t done;
} progress;

typedef struct {
  int workers;
  long seconds;
  long kill_every_ms;
  long kills;
} options;

typedef struct {
  percpud_client* client;
  percpud_counter* requests;
  percpud_series* codes[2];
  percpud_series* seconds;
} metrics;

static volatile sig_atomic_t stopped;

static void Stop(int signal) {
  (void)signal;
  stopped = 1;
}

static void Tell(void* context, percpud_notice notice, const char* text) {
  (void)context;
  (void)notice;
  fprintf(stderr, "prefork: %s\n", text);
}

static int64_t NowMs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int OpenMetrics(metrics* out) {
  static const char* const kLabels[] = {"code"};
  static const double kBounds[] = {0.1, 1, 10};
  out->client = percpud_open(NULL);
  if (out->client == NULL) return 0;
  percpud_on_notice(out->client, &Tell, NULL);

  percpud_family_options what = {.size = sizeof(what)};
  what.name = "shop_requests_total";
  what.help = "Requests that were served.";
  what.type = PERCPUD_COUNTER;
  what.flags = PERCPUD_INTEGER;
  percpud_family* const requests = percpud_family_open(out->client, &what);
  out->requests = percpud_series_counter(percpud_series_open(requests, NULL));

  what = (percpud_family_options){.size = sizeof(what)};
  what.name = "shop_answers_total";
  what.help = "Answers, by their code.";
  what.type = PERCPUD_COUNTER;
  what.label_count = 1;
  what.label_names = kLabels;
  percpud_family* const answers = percpud_family_open(out->client, &what);
  out->codes[0] = percpud_series_open(answers, (const char*[]){"200"});
  out->codes[1] = percpud_series_open(answers, (const char*[]){"500"});

  what = (percpud_family_options){.size = sizeof(what)};
  what.name = "shop_request_seconds";
  what.help = "How long requests took.";
  what.unit = "seconds";
  what.type = PERCPUD_HISTOGRAM;
  what.bounds = kBounds;
  what.bound_count = sizeof(kBounds) / sizeof(kBounds[0]);
  out->seconds = percpud_series_open(percpud_family_open(out->client, &what), NULL);
  return percpud_wait(out->client, kWaitMs);
}

/* Every request is counted once in each family, and takes a second. */
static void Serve(const metrics* m, progress* at) {
  while (!stopped) {
    const uint64_t request = at->begun++;
    percpud_counter_add(m->requests, 1);
    percpud_add(m->codes[request % 10 == 0], 1);
    percpud_observe(m->seconds, 1);
    at->done++;
    /* As fast as it goes would leave nothing for others. */
    if (request % 128 == 0) usleep(1000);
  }
}

static pid_t StartWorker(const metrics* m, progress* at) {
  const pid_t master = getpid();
  const pid_t worker = fork();
  if (worker == 0) {
    /* A master that is killed itself leaves nobody behind. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != master) _exit(1);
    signal(SIGTERM, &Stop);
    Serve(m, at);
    _exit(0);
  }
  return worker;
}

static void KillOne(const metrics* m, pid_t* workers, progress* all, int count) {
  const int chosen = (int)(random() % count);
  kill(workers[chosen], SIGKILL);
  waitpid(workers[chosen], NULL, 0);
  workers[chosen] = StartWorker(m, &all[chosen]);
}

static long Run(const options* o, const metrics* m, progress* all) {
  pid_t workers[kMostWorkers];
  for (int i = 0; i < o->workers; ++i) workers[i] = StartWorker(m, &all[i]);
  const int64_t end = NowMs() + o->seconds * 1000;
  int64_t next_kill = NowMs() + o->kill_every_ms;
  long kills = 0;
  while (!stopped && NowMs() < end) {
    usleep(kStepMs * 1000);
    percpud_poll(m->client);
    if (kills == o->kills || NowMs() < next_kill) continue;
    next_kill += o->kill_every_ms;
    KillOne(m, workers, all, o->workers);
    ++kills;
  }
  for (int i = 0; i < o->workers; ++i) kill(workers[i], SIGTERM);
  for (int i = 0; i < o->workers; ++i) waitpid(workers[i], NULL, 0);
  return kills;
}

static int Parse(int argc, char** argv, options* out) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const long value = atol(argv[i + 1]);
    if (strcmp(argv[i], "--workers") == 0 && value >= 1 && value <= kMostWorkers) {
      out->workers = (int)value;
    } else if (strcmp(argv[i], "--seconds") == 0) {
      out->seconds = value;
    } else if (strcmp(argv[i], "--kill-every") == 0) {
      out->kill_every_ms = value;
    } else if (strcmp(argv[i], "--kills") == 0) {
      out->kills = value;
    } else {
      return 0;
    }
  }
  return argc % 2 == 1;
}

int main(int argc, char** argv) {
  options o = {.workers = 4, .seconds = 5, .kill_every_ms = 200, .kills = -1};
  if (!Parse(argc, argv, &o)) {
    fprintf(stderr, "usage: prefork [--workers N] [--seconds S] [--kill-every MS] [--kills K]\n");
    return 2;
  }
  progress* const all = mmap(NULL, kMostWorkers * sizeof(progress), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  metrics m;
  if (all == MAP_FAILED || !OpenMetrics(&m)) {
    fprintf(stderr, "prefork: nothing is counted where others see it\n");
    return 1;
  }
  signal(SIGTERM, &Stop);
  signal(SIGINT, &Stop);
  printf("prefork: %d workers\n", o.workers);
  fflush(stdout);
  const long kills = Run(&o, &m, all);
  uint64_t begun = 0;
  uint64_t done = 0;
  for (int i = 0; i < o.workers; ++i) {
    begun += all[i].begun;
    done += all[i].done;
  }
  printf("{\"begun\": %llu, \"done\": %llu, \"kills\": %ld}\n", (unsigned long long)begun,
         (unsigned long long)done, kills);
  percpud_close(m.client);
  return 0;
}
