// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_HANDOFF_LANE_METRICS_H_
#define PERCPUD_SERVER_HANDOFF_LANE_METRICS_H_

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_metrics_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "server/base/pace.h"
#include "server/session/access/caller.h"
#include "server/session/calls.h"

namespace percpud {

// Serves the lane's requests about metrics: reads one, has Calls do it, writes the
// answer. Not thread safe; every thread that serves has one.
class LaneMetrics {
 public:
  // `calls` outlives this.
  explicit LaneMetrics(const Calls& calls) : calls_(calls) {}

  // Each writes the answer itself unless it returns an error or kWouldSleep.
  // REQUIRES: the request is well-formed; `answers` has LaneAnswerRoom(request) left.
  Outcome OpenSeries(const Caller& caller, Pace pace, const abi::v1::LaneRequest& request,
                     abi::v1::LaneAnswerWriter& answers);
  // These three take what may be long, so they may sleep.
  Outcome RemoveSeries(const Caller& caller, Pace pace, const abi::v1::LaneRequest& request,
                       abi::v1::LaneAnswerWriter& answers);
  Outcome ResetNamespace(const Caller& caller, Pace pace, const abi::v1::LaneRequest& request,
                         abi::v1::LaneAnswerWriter& answers);
  Outcome CloseWriter(const Caller& caller, Pace pace, const abi::v1::LaneRequest& request,
                      abi::v1::LaneAnswerWriter& answers);
  Outcome ListFamilies(const Caller& caller, const abi::v1::LaneRequest& request,
                       abi::v1::LaneAnswerWriter& answers);
  Outcome ReadSeries(const Caller& caller, const abi::v1::LaneRequest& request,
                     abi::v1::LaneAnswerWriter& answers);
  Outcome WatchSeries(const Caller& caller, const abi::v1::LaneRequest& request,
                      abi::v1::LaneAnswerWriter& answers);

 private:
  // Answers with a page of series; false, with nothing answered, if a writer ended while its
  // cell was read.
  absl::StatusOr<bool> ReadPage(const Caller& caller, const Metrics::SeriesWanted& wanted,
                                bool is_last_try, const abi::v1::LaneRequest& request,
                                abi::v1::LaneSeriesPageBody& body,
                                abi::v1::LaneAnswerWriter& answers);
  using Memory = std::array<std::byte, abi::v1::kLaneMessageBytes>;
  // Where an answer's body is put together; made when the first is.
  std::span<std::byte> Scratch();

  const Calls& calls_;
  std::unique_ptr<Memory> scratch_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_LANE_METRICS_H_
