// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_BENCH_TLS_ROWS_H_
#define PERCPUD_TESTS_BENCH_TLS_ROWS_H_

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/report/report.h"

namespace percpud::bench {

// A figure beside its peer's, which was measured in turn with it.
struct Row {
  // "p50 of a Read of 8 bytes over TLS", "over plain TCP".
  std::string what;
  std::string peer;
  // Empty if the ratio may be anything. Otherwise its median is at most this...
  std::optional<double> most;
  // ...or no more than what the peer comes to beside itself, but for its highest quarter.
  bool is_to_cost_nothing = false;
  // Why it could not be measured.
  std::string missing;

  // By round.
  std::vector<double> own_us;
  std::vector<double> peer_us;
  std::vector<double> ratios;
  // The peer, measured again, by itself.
  std::vector<double> spread;

  void Add(double own, double beside);
  // REQUIRES: nothing is missing.
  [[nodiscard]] bool IsReached() const;
};

// "1.23 [1.10..1.45]": the median, and least and most.
std::string InWords(const std::vector<double>& series);

// With the goals and whether each is reached, which a smoke run does not say.
Json ToJson(const std::vector<Row>& rows, bool smoke);
void PrintTable(const std::vector<Row>& rows);

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_TLS_ROWS_H_
