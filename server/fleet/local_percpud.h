// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_LOCAL_PERCPUD_H_
#define PERCPUD_SERVER_FLEET_LOCAL_PERCPUD_H_

#include <grpcpp/channel.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "percpud/fleet/v1/fleet.pb.h"
#include "server/base/clock.h"
#include "server/fleet/deadlines.h"

namespace percpud::fleet {

// The percpud of this host, seen from outside: a small call twice a second, and two more when
// it has come back and every half minute. One thread.
class LocalPercpud {
 public:
  struct State {
    bool serving = false;
    // What it said last.
    std::optional<v1::Layout> layout;
  };
  static constexpr absl::Duration kRound = absl::Milliseconds(500);

  // `address`: "unix:PATH". The others outlive it.
  LocalPercpud(const std::string& address, const Clock& clock, Deadlines& deadlines);

  // Asks. Takes a second at most for each call.
  const State& Look();

 private:
  void ReadLayout();

  const Clock& clock_;
  Deadlines& deadlines_;
  const std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
  State state_;
  BootTime layout_at_ = BootTime::InfinitePast();
};

// The bytes rounded down to a sixteenth of the capacity, so that a record seldom changes.
std::uint64_t RoundedFree(std::uint64_t capacity, std::uint64_t live);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_LOCAL_PERCPUD_H_
