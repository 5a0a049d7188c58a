// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_RSEQ_SELF_TEST_H_
#define PERCPUD_SERVER_RSEQ_SELF_TEST_H_

#include "server/rseq/section.h"
#include "server/rseq/this_cpu.h"

namespace percpud::rseq {

// Returns whether restartable sequences keep their promise here: glibc registered
// the threads, and two threads that interrupt each other on one CPU lost nothing.
// Kernels have been shipped that do not abort, and emulators do not.
// The first call decides. It takes some milliseconds, never more than a second,
// and two short-lived threads with all signals blocked and without the caller's
// real-time priority; from then on it is a load. Thread safe. False under valgrind,
// ThreadSanitizer and GLIBC_TUNABLES=glibc.pthread.rseq=0.
bool RseqWorks();

// Returns `table` as this process may use it for an arena in `mode`: without units
// if the sequences do not work, so that every operation goes to its fallback.
CpuTable Usable(const CpuTable& table, UpdateMode mode);

namespace internal {

// Runs the test anew at each call. kUnarmed is its control: sequences that the
// kernel knows nothing of lose updates.
bool SelfTest(Arming arming);

}  // namespace internal
}  // namespace percpud::rseq

#endif  // PERCPUD_SERVER_RSEQ_SELF_TEST_H_
