// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/closer.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace percpud {
namespace {

TEST(CloserTest, ClosesWhatItIsGiven) {
  Closer closer;
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const UniqueFd read_end(ends[0]);
  closer.Close(UniqueFd(ends[1]));
  closer.Close(UniqueFd());
  pollfd polled{.fd = read_end.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&polled, 1, 20'000), 1);
}

TEST(CloserTest, ClosesEverythingBeforeItEnds) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const UniqueFd read_end(ends[0]);
  Closer().Close(UniqueFd(ends[1]));
  char byte = 0;
  EXPECT_EQ(read(read_end.get(), &byte, 1), 0);
}

TEST(CloserTest, ASocketThatLingersHoldsUpNothing) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  UniqueFd lingers(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(lingers.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  // Unsent bytes, for which a close would wait an hour.
  const std::array<char, 65536> bytes{};
  while (send(lingers.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
  }
  const linger hour{.l_onoff = 1, .l_linger = 3600};
  ASSERT_EQ(setsockopt(lingers.get(), SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)), 0);
  const absl::Time before = absl::Now();
  Closer().Close(std::move(lingers));
  EXPECT_LT(absl::Now() - before, absl::Minutes(1));
}

}  // namespace
}  // namespace percpud
