// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How long one thread waits for an answer that takes a lock, while another one
// works under the same lock, call after call.

#ifndef PERCPUD_TESTS_BENCH_ALLOCATOR_LOCK_PROBE_H_
#define PERCPUD_TESTS_BENCH_ALLOCATOR_LOCK_PROBE_H_

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace percpud::bench {

struct LockWaits {
  std::string work;
  // How often was asked, and how often not counted below, because one of the two
  // threads was kept from a processor meanwhile.
  std::uint64_t asked = 0;
  std::uint64_t disturbed = 0;
  // How long an answer took, in microseconds.
  double p50 = 0;
  double p99 = 0;
  double p999 = 0;
  double most = 0;
  // The same over all answers, disturbed ones included.
  double p99_of_all = 0;
  // How long one call of the work took.
  double work_us = 0;
};

// Asks every 50 us and notes how long each answer took, from when it was due; an
// answer that holds up others is late for each of them. `work` is repeated
// meanwhile in another thread, if it is not empty.
LockWaits ProbeLock(std::string name, const std::function<void()>& ask,
                    const std::function<void()>& work, absl::Duration duration);

nlohmann::ordered_json ToJson(const std::vector<LockWaits>& rows);
void PrintTable(const std::vector<LockWaits>& rows);

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_ALLOCATOR_LOCK_PROBE_H_
