// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/stream_gate.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error_reason.h"
#include "server/base/limits.h"

namespace percpud {
namespace {

TEST(StreamGateTest, OnePeerHasAPartAndAllHaveTheWhole) {
  constexpr std::uint32_t kLimit = 8;
  StreamGate gate(kLimit);
  Peers peers;
  std::vector<StreamGate::Place> places;
  for (std::uint32_t peer = 0; peer < kStreamsPerPeerShare; ++peer) {
    const auto account = peers.AccountOf(absl::StrCat("uid ", peer));
    for (std::uint32_t i = 0; i < kLimit / kStreamsPerPeerShare; ++i) {
      absl::StatusOr<StreamGate::Place> place = gate.Open(account);
      ASSERT_TRUE(place.ok()) << place.status();
      places.push_back(*std::move(place));
    }
    EXPECT_EQ(errors::ReasonOf(gate.Open(account).status()), "TOO_MANY_STREAMS");
  }
  const auto late = peers.AccountOf("uid 99");
  EXPECT_EQ(errors::ReasonOf(gate.Open(late).status()), "TOO_MANY_WATCHERS");
  places.pop_back();
  EXPECT_TRUE(gate.Open(late).ok());
}

// With few streams in all, each peer may still have one.
TEST(StreamGateTest, APeerMayAlwaysHaveOne) {
  StreamGate gate(1);
  Peers peers;
  const auto account = peers.AccountOf("uid 1");
  const absl::StatusOr<StreamGate::Place> place = gate.Open(account);
  EXPECT_TRUE(place.ok()) << place.status();
  EXPECT_FALSE(gate.Open(account).ok());
}

TEST(StreamGateTest, TheEndWaitsForTheLast) {
  StreamGate gate(4);
  Peers peers;
  absl::StatusOr<StreamGate::Place> open = gate.Open(peers.AccountOf(""));
  ASSERT_TRUE(open.ok()) << open.status();
  std::optional<StreamGate::Place> place = *std::move(open);
  EXPECT_FALSE(gate.draining());
  gate.Drain();
  EXPECT_TRUE(gate.draining());
  bool empty = false;
  std::thread waiter([&] {
    gate.AwaitEmpty(BootTime::InfiniteFuture());
    empty = true;
  });
  place.reset();
  waiter.join();
  EXPECT_TRUE(empty);
  gate.AwaitEmpty(BootTime::InfinitePast());
}

}  // namespace
}  // namespace percpud
