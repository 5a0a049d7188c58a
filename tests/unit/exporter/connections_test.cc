// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/connections.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace percpud::exporter {
namespace {

// The two ends of a connection.
class Ends {
 public:
  Ends() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds_.data()), 0); }
  ~Ends() {
    close(fds_[0]);
    close(fds_[1]);
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  [[nodiscard]] int server() const { return fds_[0]; }
  // Whether the peer was hung up on.
  [[nodiscard]] bool IsOver() const {
    char byte = 0;
    return recv(fds_[1], &byte, 1, 0) == 0;
  }

 private:
  std::array<int, 2> fds_{};
};

TEST(ConnectionsTest, APeerThatTakesTooLongIsHungUpOn) {
  const Ends slow;
  const Ends fast;
  Connections connections;
  const auto begin = Connections::Clock::now();
  connections.Begin(slow.server(), begin);
  connections.Begin(fast.server(), begin);
  connections.HangUpSlow(begin + Connections::kPatience);
  EXPECT_FALSE(slow.IsOver());
  // It has read its answer, and may ask again.
  connections.Begin(fast.server(), begin + Connections::kPatience);
  connections.HangUpSlow(begin + 2 * Connections::kPatience);
  EXPECT_TRUE(slow.IsOver());
  EXPECT_FALSE(fast.IsOver());
}

TEST(ConnectionsTest, WhatHasEndedIsLeftAlone) {
  const Ends ends;
  Connections connections;
  const auto begin = Connections::Clock::now();
  connections.Begin(ends.server(), begin);
  connections.End(ends.server());
  connections.HangUpSlow(begin + 2 * Connections::kPatience);
  EXPECT_FALSE(ends.IsOver());
}

TEST(ConnectionsTest, PagesThatNobodyReadsAreBoundedTogether) {
  Connections connections;
  constexpr std::size_t kHalf = Connections::kMostUnread / 2;
  EXPECT_TRUE(connections.Hold(kHalf));
  EXPECT_TRUE(connections.Hold(kHalf));
  EXPECT_FALSE(connections.Hold(1));
  connections.Release(kHalf);
  EXPECT_TRUE(connections.Hold(kHalf));
  EXPECT_FALSE(connections.Hold(1));
}

TEST(ConnectionsTest, OnePageIsSentHoweverLarge) {
  Connections connections;
  EXPECT_TRUE(connections.Hold(2 * Connections::kMostUnread));
  EXPECT_FALSE(connections.Hold(1));
  connections.Release(2 * Connections::kMostUnread);
  EXPECT_TRUE(connections.Hold(1));
}

}  // namespace
}  // namespace percpud::exporter
