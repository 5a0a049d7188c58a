// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COUNT_HERE_H_
#define PERCPUD_CLIENT_CLI_COUNT_HERE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "percpu/metrics_connection.h"

namespace percpu::cli {

// What is done to a series.
enum class Update { kAdd, kSet, kObserve };

// A series that is updated, and how to reach it.
struct UpdatedSeries {
  // The daemon's, on this host.
  std::string address;
  std::string name_space;
  FamilyShape shape;
  // One for each of the family's labels.
  std::vector<std::string> label_values;
};

// Updates a series as an application does: in the arena, through libpercpud. There is no
// call for it, since sums of doubles are added up where they are. Errors: INVALID_ARGUMENT
// for an address that is not on this host; FAILED_PRECONDITION with the daemon's reason if
// it refuses; UNAVAILABLE if no daemon admits this process in time. Nothing is counted then.
absl::Status CountHere(const UpdatedSeries& series, Update update, double value,
                       absl::Duration timeout);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COUNT_HERE_H_
