// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/guests.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace percpud::fleet {
namespace {

class GuestsTest : public ::testing::Test {
 protected:
  // Both ends of a connection.
  struct Connection {
    UniqueFd ours;
    UniqueFd theirs;

    [[nodiscard]] std::string name() const { return absl::StrCat("fd:", ours.get()); }
    [[nodiscard]] bool IsOpen() const {
      char byte = 0;
      return recv(theirs.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
  };

  // The kernel has it for this user's.
  static Connection Connect(uid_t user) {
    std::array<int, 2> ends{};
    EXPECT_EQ(seteuid(user), 0);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    EXPECT_EQ(seteuid(getuid()), 0);
    return {.ours = UniqueFd(ends[0]), .theirs = UniqueFd(ends[1])};
  }
  const Connection& Enter(uid_t user) {
    connections_.push_back(Connect(user));
    EXPECT_TRUE(guests_.Enter(connections_.back().ours.get()).ok());
    return connections_.back();
  }
  [[nodiscard]] std::vector<std::size_t> Ended() const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      if (!connections_[i].IsOpen()) out.push_back(i);
    }
    return out;
  }

  std::set<std::string> busy_;
  std::vector<Connection> connections_;
  Guests guests_{[this](const std::string& name) { return busy_.contains(name); }};
};

TEST_F(GuestsTest, AUsersOldestWithoutACallMakesWayForTheNext) {
  for (std::size_t i = 0; i < Guests::kMostOfUser; ++i) Enter(getuid());
  busy_.insert(connections_[0].name());
  Enter(getuid());
  EXPECT_EQ(Ended(), std::vector<std::size_t>{1});
  EXPECT_EQ(guests_.size(), Guests::kMostOfUser);
}

TEST_F(GuestsTest, OfUsersWithAsManyOneWithoutACallMakesWay) {
  if (getuid() != 0) GTEST_SKIP() << "needs root to be several users";
  constexpr uid_t kFirst = 1001;
  constexpr std::size_t kUsers = Guests::kMost / Guests::kMostOfUser;
  for (std::size_t user = 0; user < kUsers; ++user) {
    for (std::size_t i = 0; i < Guests::kMostOfUser; ++i) {
      const Connection& connection = Enter(kFirst + static_cast<uid_t>(user));
      if (user + 1 < kUsers) busy_.insert(connection.name());
    }
  }
  Enter(kFirst + kUsers);
  EXPECT_EQ(Ended(), std::vector<std::size_t>{Guests::kMost - Guests::kMostOfUser});
  // Now another has the most, though it has calls under way in all.
  Enter(kFirst + kUsers + 1);
  EXPECT_EQ(Ended(), (std::vector<std::size_t>{0, Guests::kMost - Guests::kMostOfUser}));
}

}  // namespace
}  // namespace percpud::fleet
