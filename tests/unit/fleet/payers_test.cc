// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/payers.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/unique_fd.h"

namespace percpud::fleet {
namespace {

TEST(PayersTest, AllConnectionsOfAUserAreOne) {
  Payers payers;
  std::array<int, 4> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data() + 2), 0);
  const std::array<UniqueFd, 4> owned{UniqueFd(ends[0]), UniqueFd(ends[1]), UniqueFd(ends[2]),
                                      UniqueFd(ends[3])};
  const SlowLane::Payer first = payers.Of(absl::StrCat("fd:", ends[0]));
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(payers.Of(absl::StrCat("fd:", ends[2])), first);
  EXPECT_EQ(Payers::IsRoot(first), geteuid() == 0);
  EXPECT_FALSE(Payers::IsRoot(nullptr));
}

TEST(PayersTest, WhatIsNoConnectionIsNobodys) {
  Payers payers;
  for (const char* const connection :
       {"", "fd:", "fd:x", "fd:-1", "fd:123456", "unix:/a", "fd:1x"}) {
    EXPECT_EQ(payers.Of(connection), nullptr) << connection;
  }
}

}  // namespace
}  // namespace percpud::fleet
