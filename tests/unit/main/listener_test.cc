// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/ranked_mutex.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Collects what a listener accepts.
class Visitors {
 public:
  Listener::Accepted Door() {
    return [this](int fd, Origin origin) {
      RankedLock lock(&mu_);
      fds_.emplace_back(fd);
      origins_.push_back(origin);
    };
  }
  // False if fewer than `count` come in a long while.
  bool Await(std::size_t count) {
    RankedLock lock(&mu_);
    const auto enough = [this, count]()
                            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return fds_.size() >= count; };
    return mu_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(20));
  }
  // Where each came in, in the order they came.
  std::vector<Origin> origins() {
    RankedLock lock(&mu_);
    return origins_;
  }

 private:
  RankedMutex mu_{LockRank::kLeaf};
  std::vector<UniqueFd> fds_ ABSL_GUARDED_BY(mu_);
  std::vector<Origin> origins_ ABSL_GUARDED_BY(mu_);
};

class ListenerTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Listener>> Bind(const std::vector<std::string>& addresses) {
    std::vector<Listener::Address> all;
    for (const std::string& address : addresses) all.push_back({.name = address, .mode = 0660});
    return Listener::Bind(all);
  }

  UniqueFd ConnectUnix(const std::string& path) {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return {};
    return fd;
  }
  // Leaves a socket behind as a daemon does that was killed.
  void LeaveStaleSocket() {
    const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    ASSERT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  bool Exists(const std::string& path) {
    struct stat status {};
    return lstat(path.c_str(), &status) == 0;
  }

  testing::TempDir dir_;
  const std::string path_ = dir_.path() + "/s";
  const std::string address_ = absl::StrCat("unix:", path_);
};

TEST_F(ListenerTest, AcceptsOnEverySocketItWasGivenAndSaysOnWhich) {
  const std::string other = dir_.path() + "/t";
  auto listener = Listener::Bind(
      {{.name = address_, .mode = 0660},
       {.name = absl::StrCat("unix:", other), .mode = 0600, .origin = Origin::kGateway}});
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_THAT((*listener)->addresses(), ElementsAre(address_, absl::StrCat("unix:", other)));
  struct stat status {};
  ASSERT_EQ(lstat(other.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);

  Visitors visitors;
  (*listener)->Start(visitors.Door());
  const UniqueFd a = ConnectUnix(path_);
  EXPECT_TRUE(a.ok());
  EXPECT_TRUE(visitors.Await(1));
  const UniqueFd b = ConnectUnix(other);
  EXPECT_TRUE(b.ok());
  EXPECT_TRUE(visitors.Await(2));
  EXPECT_THAT(visitors.origins(), ElementsAre(Origin::kAnybody, Origin::kGateway));
}

TEST_F(ListenerTest, ConnectionsMadeBeforeTheStartAreServedAfterIt) {
  auto listener = Bind({address_});
  ASSERT_TRUE(listener.ok()) << listener.status();
  const UniqueFd early = ConnectUnix(path_);
  EXPECT_TRUE(early.ok());
  Visitors visitors;
  (*listener)->Start(visitors.Door());
  EXPECT_TRUE(visitors.Await(1));
}

TEST_F(ListenerTest, TheSocketHasItsModeAndGoesWithItsListener) {
  auto listener = Bind({address_});
  ASSERT_TRUE(listener.ok()) << listener.status();
  struct stat status {};
  ASSERT_EQ(lstat(path_.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
  listener->reset();
  EXPECT_FALSE(Exists(path_));
  EXPECT_TRUE(Bind({address_}).ok());
}

TEST_F(ListenerTest, APathThatIsServedIsRefusedAndStaysServed) {
  auto first = Bind({address_});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Bind({address_});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(address_));
  EXPECT_TRUE(ConnectUnix(path_).ok());
}

TEST_F(ListenerTest, AStaleSocketIsReplaced) {
  LeaveStaleSocket();
  ASSERT_TRUE(Exists(path_));
  auto listener = Bind({address_});
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(ConnectUnix(path_).ok());
}

TEST_F(ListenerTest, ASocketThatSomebodyElseAnswersIsLeftAlone) {
  auto stranger = Bind({address_});
  ASSERT_TRUE(stranger.ok()) << stranger.status();
  // Without its lock file it is any other program's socket.
  ASSERT_EQ(unlink((path_ + ".lock").c_str()), 0);
  const auto listener = Bind({address_});
  EXPECT_EQ(listener.status().code(), absl::StatusCode::kFailedPrecondition) << listener.status();
  EXPECT_TRUE(ConnectUnix(path_).ok());
}

TEST_F(ListenerTest, WhatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_FALSE(Bind({address_}).ok());
  std::string text;
  std::getline(std::ifstream(path_), text);
  EXPECT_EQ(text, "precious");
}

TEST_F(ListenerTest, AFileThatTookItsPlaceIsLeftAlone) {
  auto listener = Bind({address_});
  ASSERT_TRUE(listener.ok()) << listener.status();
  ASSERT_EQ(rename(path_.c_str(), (path_ + ".moved").c_str()), 0);
  std::ofstream(path_) << "successor";
  listener->reset();
  EXPECT_TRUE(Exists(path_));
}

TEST_F(ListenerTest, OneBadAddressLeavesNothingBound) {
  EXPECT_FALSE(Bind({address_, "unix:/no/such/directory/s"}).ok());
  EXPECT_FALSE(Exists(path_));
  EXPECT_FALSE(Bind({"unix:/no/such/directory/s"}).ok());
}

TEST_F(ListenerTest, StoppedItAcceptsNoMore) {
  auto listener = Bind({address_});
  ASSERT_TRUE(listener.ok()) << listener.status();
  Visitors visitors;
  (*listener)->Start(visitors.Door());
  ASSERT_TRUE(ConnectUnix(path_).ok());
  ASSERT_TRUE(visitors.Await(1));
  (*listener)->Stop();
  (*listener)->Stop();
  EXPECT_TRUE(Exists(path_));
}

}  // namespace
}  // namespace percpud
