/* Copyright 2026 The percpud Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What an addition costs while things go wrong around it: the processor time of a burst of
 * percpud_counter_add, as a multiple of that of as many additions to a variable of the process,
 * which are made right before it. A line for each burst, ten a second, until SIGTERM.
 *
 *   fleet_cost
 *
 * With percpud at $PERCPUD_ADDRESS and the namespace $PERCPUD_NAMESPACE. The last line is how
 * often it has added to cost_total.
 */

#include <percpud.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { kBurst = 200000, kWaitMs = 30000, kPauseUs = 100000 };

static volatile sig_atomic_t stopped;

static void Stop(int signal) {
  (void)signal;
  stopped = 1;
}

static double ProcessorNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

/* One burst of each, as a ratio. */
static double Burst(percpud_counter* counter) {
  static volatile uint64_t plain;
  const double begin = ProcessorNs();
  for (int i = 0; i < kBurst; ++i) plain = plain + 1;
  const double middle = ProcessorNs();
  for (int i = 0; i < kBurst; ++i) percpud_counter_add(counter, 1);
  return (ProcessorNs() - middle) / (middle - begin);
}

int main(void) {
  percpud_client* const client = percpud_open(NULL);
  if (client == NULL) return 1;
  percpud_family_options what = {.size = sizeof(what)};
  what.name = "cost_total";
  what.type = PERCPUD_COUNTER;
  what.flags = PERCPUD_INTEGER;
  percpud_counter* const counter =
      percpud_series_counter(percpud_series_open(percpud_family_open(client, &what), NULL));
  if (!percpud_wait(client, kWaitMs)) {
    fprintf(stderr, "fleet_cost: nothing is counted where others see it\n");
    return 1;
  }
  signal(SIGTERM, &Stop);
  unsigned long long added = 0;
  while (!stopped) {
    printf("%.4f\n", Burst(counter));
    fflush(stdout);
    added += kBurst;
    percpud_poll(client);
    usleep(kPauseUs);
  }
  printf("%llu\n", added);
  percpud_close(client);
  return 0;
}
