// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Another reading of the lane's requests about metrics (proto/percpud/abi/v1/lane_metrics.h
// and lane_metrics_pages.h), byte by byte and without the codec.

#ifndef PERCPUD_TESTS_FUZZ_LANE_METRICS_MODEL_H_
#define PERCPUD_TESTS_FUZZ_LANE_METRICS_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "absl/status/status.h"
#include "tests/fuzz/lane_cursor.h"

namespace percpud::fuzz::lane {

bool IsOfMetrics(std::uint16_t kind);
// Whether the body is what its kind says; `series` is how many an opening wants.
// REQUIRES: IsOfMetrics(kind).
bool ReadMetrics(std::uint16_t kind, Cursor body, std::uint32_t& series);

// Which series there are, as answers have said.
class MetricsModel {
 public:
  // Takes in an answer. Errors: INTERNAL, if it may not be. REQUIRES: IsOfMetrics(kind).
  absl::Status Judge(std::uint16_t kind, std::uint32_t wanted, std::uint16_t code,
                     std::span<const std::byte> body);
  // Whether any series was made.
  [[nodiscard]] bool has_series() const { return has_series_; }

 private:
  absl::Status JudgeOpening(std::uint32_t wanted, std::span<const std::byte> body);
  absl::Status JudgeChanges(std::span<const std::byte> body);

  // Where each series' cells are, and whose they are.
  std::map<std::uint64_t, std::uint64_t> cells_;
  std::map<std::uint64_t, std::uint64_t> owners_;
  bool has_series_ = false;
  // The highest that a watcher was told.
  std::uint64_t revision_ = 0;
};

}  // namespace percpud::fuzz::lane

#endif  // PERCPUD_TESTS_FUZZ_LANE_METRICS_MODEL_H_
