// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/ranked_mutex.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Collects what a listener accepts.
class Visitors {
 public:
  Listener::Accepted Door() {
    return [this](int fd) {
      RankedLock lock(&mu_);
      fds_.emplace_back(fd);
    };
  }
  // False if fewer than `count` come in a long while.
  bool Await(std::size_t count) {
    RankedLock lock(&mu_);
    const auto enough = [this, count]()
                            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return fds_.size() >= count; };
    return mu_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(20));
  }

 private:
  RankedMutex mu_{LockRank::kLeaf};
  std::vector<UniqueFd> fds_ ABSL_GUARDED_BY(mu_);
};

class ListenerTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Listener>> Bind(const std::vector<std::string>& addresses) {
    return Listener::Bind(addresses, 0660);
  }

  UniqueFd ConnectUnix(const std::string& path) {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return {};
    return fd;
  }
  UniqueFd ConnectLoopback(int port) {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
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

TEST_F(ListenerTest, AcceptsOnEverySocketItWasGiven) {
  const std::string other = dir_.path() + "/t";
  auto listener = Bind({address_, absl::StrCat("unix:", other), "127.0.0.1:0"});
  ASSERT_TRUE(listener.ok()) << listener.status();
  ASSERT_THAT((*listener)->addresses(), SizeIs(3));
  EXPECT_EQ((*listener)->addresses()[0], address_);
  const std::string tcp = (*listener)->addresses()[2];
  EXPECT_THAT(tcp, StartsWith("127.0.0.1:"));
  int port = 0;
  ASSERT_TRUE(absl::SimpleAtoi(tcp.substr(tcp.find(':') + 1), &port));
  EXPECT_GT(port, 0);

  Visitors visitors;
  (*listener)->Start(visitors.Door());
  const UniqueFd a = ConnectUnix(path_);
  const UniqueFd b = ConnectUnix(other);
  const UniqueFd c = ConnectLoopback(port);
  EXPECT_TRUE(a.ok() && b.ok() && c.ok());
  EXPECT_TRUE(visitors.Await(3));
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

TEST_F(ListenerTest, APortThatIsServedIsRefused) {
  auto first = Bind({"127.0.0.1:0"});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Bind({(*first)->addresses()[0]});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition) << second.status();
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
  EXPECT_FALSE(Bind({"no.such.host.invalid:80"}).ok());
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
