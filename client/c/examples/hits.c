/* Copyright 2026 The percpud Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Workers that count what they serve, in counters that belong to none of them.
 *
 *   hits WORKERS ADDS       with percpud at $PERCPUD_ADDRESS, or none
 */

#include <percpud.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void Tell(void* context, percpud_notice notice, const char* text) {
  (void)context;
  fprintf(stderr, "percpud: notice %d: %s\n", (int)notice, text);
}

int main(int argc, char** argv) {
  const int workers = argc > 1 ? atoi(argv[1]) : 4;
  const long adds = argc > 2 ? atol(argv[2]) : 1000000;
  percpud_client* metrics = percpud_open(NULL);
  percpud_on_notice(metrics, &Tell, NULL);
  percpud_counter* hits = percpud_counter_open(metrics, "example/hits");
  percpud_wait(metrics, 5000);

  for (int worker = 0; worker < workers; ++worker) {
    if (fork() == 0) {
      for (long i = 0; i < adds; ++i) percpud_counter_add(hits, 1);
      /* Where this process cannot add to the shared copies itself, as under valgrind,
       * the daemon adds for it. Elsewhere the counts are where they belong already. */
      percpud_wait(metrics, 5000);
      percpud_close(metrics);
      return 0;
    }
  }
  int failed = 0;
  for (int status = 0; wait(&status) > 0;) failed += status != 0;
  printf("hits %llu\n", (unsigned long long)percpud_counter_sum(hits));
  percpud_close(metrics);
  return failed;
}
