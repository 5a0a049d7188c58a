// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What an honest client waits for an Alloc, and the processes that are busy beside it.

#ifndef PERCPUD_TESTS_BENCH_REPORT_NEIGHBOURS_H_
#define PERCPUD_TESTS_BENCH_REPORT_NEIGHBOURS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/client.h"
#include "tests/support/process.h"

namespace percpud::bench {

struct Waits {
  double p50_us = 0;
  double p99_us = 0;
};

// Each area is freed again. Errors: the first status that is not OK.
absl::StatusOr<Waits> MeasureWaits(percpu::Client& client, absl::Duration duration);

// What a process says on standard output once it is at work.
inline constexpr char kUnderWay[] = "under way";

// To have nothing to do with percpud and be busy, until the process is killed.
[[noreturn]] void BeBusy();

// Processes of this program, killed with the object.
class Neighbours {
 public:
  // Starts `count` with those arguments, and returns when each is under way.
  Neighbours(int count, const std::vector<std::string>& arguments);

  // How many lines of that text they have printed.
  [[nodiscard]] std::size_t Said(const std::string& line) const;

 private:
  std::vector<testing::Process> processes_;
};

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_REPORT_NEIGHBOURS_H_
