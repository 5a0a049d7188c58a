// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_HANDOFF_LANE_CALLS_H_
#define PERCPUD_SERVER_HANDOFF_LANE_CALLS_H_

#include <cstdint>
#include <vector>

#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "server/base/pace.h"
#include "server/handoff/lane_metrics.h"
#include "server/session/access/caller.h"
#include "server/session/calls.h"

namespace percpud {

// Serves one request of the lane: reads it, has Calls do it, writes the answer. Not
// thread safe; every thread that serves has one.
class LaneCalls {
 public:
  // `calls` outlives this.
  explicit LaneCalls(const Calls& calls) : calls_(calls), metrics_(calls) {}

  // Returns true with one answer written, whatever it says. At kMustNotSleep returns
  // false, with nothing done and nothing written, if the request needs kMaySleep.
  // REQUIRES: the request is well-formed; `answers` has LaneAnswerRoom(request) left.
  bool Serve(const Caller& caller, Pace pace, const abi::v1::LaneRequest& request,
             abi::v1::LaneAnswerWriter& answers);

  // What serving a request takes, compared with others: one, and more for long ones.
  static std::uint32_t Cost(const abi::v1::LaneRequest& request);
  // Whether it takes more than a turn, so that it needs kMaySleep: more than some five
  // hundred entries.
  static bool IsLong(const abi::v1::LaneRequest& request);

 private:
  // Each writes the answer itself, unless it returns an error or kWouldSleep.
  Outcome Ping(const Caller& caller, std::uint64_t id, abi::v1::LaneAnswerWriter& answers);
  Outcome Alloc(const Caller& caller, Pace pace, const abi::v1::LaneRequest& request,
                abi::v1::LaneAnswerWriter& answers);
  Outcome Free(const Caller& caller, const abi::v1::LaneRequest& request,
               abi::v1::LaneAnswerWriter& answers);
  Outcome Add(const Caller& caller, Pace pace, const abi::v1::LaneRequest& request,
              abi::v1::LaneAnswerWriter& answers);
  Outcome OpenVariable(const Caller& caller, Pace pace, const abi::v1::LaneRequest& request,
                       abi::v1::LaneAnswerWriter& answers);
  Outcome Dispatch(const Caller& caller, Pace pace, const abi::v1::LaneRequest& request,
                   abi::v1::LaneAnswerWriter& answers);

  const Calls& calls_;
  LaneMetrics metrics_;
  // Kept from request to request for their memory.
  std::vector<AreaSpec> specs_;
  std::vector<PercpuPtr> pointers_;
  std::vector<std::uint64_t> words_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_LANE_CALLS_H_
