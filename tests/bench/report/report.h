// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the benchmarks' reports have in common: JSON, from which the tables are
// made, and in it what was to be reached and whether it was.

#ifndef PERCPUD_TESTS_BENCH_REPORT_REPORT_H_
#define PERCPUD_TESTS_BENCH_REPORT_REPORT_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace percpud::bench {

using Json = nlohmann::ordered_json;

// Appends to the report's goals. `met`: nullopt if it was not measured.
void AddGoal(Json& report, const std::string& goal, const std::string& measured,
             std::optional<bool> met);

// A line for each.
void PrintGoals(const Json& report);
// The same of reports that were written. Errors: one cannot be read.
absl::Status PrintGoalsOf(const std::vector<std::string>& files);

absl::Status WriteReport(const Json& report, const std::string& file);

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_REPORT_REPORT_H_
