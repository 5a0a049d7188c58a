// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is done to the daemon or a client, and when.

#ifndef PERCPUD_TESTS_CHAOS_TROUBLE_H_
#define PERCPUD_TESTS_CHAOS_TROUBLE_H_

#include <string>
#include <vector>

namespace percpu::chaos {

enum class Who { kDaemon, kClient };
enum class Moment { kStart, kAdmission, kResume, kCommit, kEnd };
enum class Deed {
  kKill,
  // SIGTERM.
  kTerminate,
  // SIGSTOP, and SIGCONT after a while.
  kFreeze,
  kDescriptors,
  kMemory,
  kTasks,
  kDisk,
  // The hour is set forward or back.
  kClock,
  // The daemon dies just before, or after, a commit of the catalog.
  kFaultPoint,
};

struct Trouble {
  Who who;
  Deed deed;
  Moment moment;
};

std::string NameOf(const Trouble& trouble);

// Returns every trouble there is, once, but those that this host cannot make.
std::vector<Trouble> AllTroubles(bool with_tasks, bool with_disk);

}  // namespace percpu::chaos

#endif  // PERCPUD_TESTS_CHAOS_TROUBLE_H_
