// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Hostile peers at the side door, before and while they are admitted.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "proto/percpud/abi/v1/handoff.h"
#include "tests/integration/hostile_rig.h"
#include "tests/integration/lane_session.h"
#include "tests/support/send_fds.h"

namespace percpud {
namespace {

using testing::LaneSession;

abi::v1::Hello MakeHello() {
  return {.magic = abi::v1::kHelloMagic,
          .version = abi::v1::kHandoffLaneVersion,
          .wanted = static_cast<std::uint32_t>(abi::v1::MapMode::kNone),
          .abilities = 0,
          .resume = {}};
}

std::string BytesOf(const abi::v1::Hello& hello) {
  return {reinterpret_cast<const char*>(&hello), sizeof(hello)};
}

class HostileDoorTest : public testing::HostileRig {
 protected:
  // The daemon's answer to these bytes; empty if it hangs up.
  std::string Ask(const std::string& bytes) {
    const UniqueFd door = ConnectDoor();
    EXPECT_TRUE(door.ok());
    static_cast<void>(send(door.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
    std::array<char, 512> answer{};
    const ssize_t got = recv(door.get(), answer.data(), answer.size(), 0);
    return {answer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }
  // The code of a refusal; 0 if there is none.
  static std::uint32_t CodeOf(const std::string& answer) {
    abi::v1::Refusal refusal{};
    if (answer.size() != sizeof(refusal)) return 0;
    std::memcpy(&refusal, answer.data(), sizeof(refusal));
    return refusal.magic == abi::v1::kRefusalMagic ? refusal.code : 0;
  }
};

TEST_F(HostileDoorTest, HellosOfEveryOtherLengthAreHungUpOn) {
  const std::string hello = BytesOf(MakeHello());
  for (std::size_t length = 1; length < 2 * hello.size(); ++length) {
    if (length == hello.size()) continue;
    EXPECT_EQ(Ask((hello + hello).substr(0, length)), "") << length;
  }
  EXPECT_EQ(Ask(std::string(60'000, '\0')), "");
  ExpectHonestIsServed();
}

TEST_F(HostileDoorTest, EveryFieldOfAHelloIsChecked) {
  constexpr std::uint32_t kFailedPrecondition = 9;
  for (const std::uint32_t version : {0U, 3U, 0x7fffffffU, 0xffffffffU}) {
    abi::v1::Hello hello = MakeHello();
    hello.version = version;
    EXPECT_EQ(CodeOf(Ask(BytesOf(hello))), kFailedPrecondition) << version;
  }
  for (const std::uint32_t wanted : {3U, 0x80000000U, 0xffffffffU}) {
    abi::v1::Hello hello = MakeHello();
    hello.wanted = wanted;
    EXPECT_NE(Ask(BytesOf(hello)).size(), sizeof(abi::v1::Welcome)) << wanted;
  }
  abi::v1::Hello hello = MakeHello();
  hello.magic = abi::v1::kWelcomeMagic;
  EXPECT_EQ(Ask(BytesOf(hello)), "");
  ExpectHonestIsServed();
}

TEST_F(HostileDoorTest, NobodyResumesASessionThatIsNotWaiting) {
  constexpr std::uint32_t kNotFound = 5;
  LaneSession victim = LaneSession::Open(daemon_->address);
  abi::v1::Hello thief = MakeHello();
  thief.resume = victim.welcome().token;
  EXPECT_EQ(CodeOf(Ask(BytesOf(thief))), kNotFound);
  for (std::uint8_t guess = 1; guess < 100; ++guess) {
    thief.resume.fill(guess);
    EXPECT_EQ(CodeOf(Ask(BytesOf(thief))), kNotFound);
  }
  victim.ask().Ping(1);
  EXPECT_TRUE(victim.Send());
  EXPECT_TRUE(victim.Hear([](const abi::v1::LaneAnswer& answer) { EXPECT_EQ(answer.code, 0); }));
}

TEST_F(HostileDoorTest, AttackersThatEndBehindTheirHelloLeaveNoSession) {
  Attack([this] {
    const UniqueFd door = ConnectDoor();
    const std::string hello = BytesOf(MakeHello());
    static_cast<void>(send(door.get(), hello.data(), hello.size(), MSG_NOSIGNAL));
  });
  ExpectHonestIsServed();
}

TEST_F(HostileDoorTest, HalfClosedConnectionsHoldNothingUp) {
  Attack([this] {
    std::vector<UniqueFd> doors;
    for (int i = 0; i < 50; ++i) {
      doors.push_back(ConnectDoor());
      const int fd = doors.back().get();
      const std::string hello = BytesOf(MakeHello());
      if (i % 2 == 0) shutdown(fd, SHUT_RD);
      static_cast<void>(send(fd, hello.data(), hello.size(), MSG_NOSIGNAL));
      if (i % 2 == 1) shutdown(fd, SHUT_WR);
    }
  });
  ExpectHonestIsServed();
}

TEST_F(HostileDoorTest, NobodyKeepsOthersOutByNotReadingTheWelcome) {
  Attack([this] {
    std::vector<UniqueFd> doors;
    for (int i = 0; i < 300; ++i) {
      doors.push_back(ConnectDoor());
      const std::string hello = BytesOf(MakeHello());
      static_cast<void>(
          send(doors.back().get(), hello.data(), hello.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    }
  });
  ExpectHonestIsServed();
}

TEST_F(HostileDoorTest, DescriptorsOfEveryKindAreReceivedAndGone) {
  Attack([this] {
    const UniqueFd poller(epoll_create1(EPOLL_CLOEXEC));
    const UniqueFd event(eventfd(0, EFD_CLOEXEC));
    const UniqueFd directory(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd path(open("/etc", O_PATH | O_CLOEXEC));
    std::array<int, 240> fds{};
    for (std::size_t i = 0; i < fds.size(); ++i) {
      fds.at(i) = std::array{poller.get(), event.get(), directory.get(), path.get()}.at(i % 4);
    }
    const UniqueFd door = ConnectDoor();
    testing::SendWithFds(door.get(), BytesOf(MakeHello()), fds);
    testing::SendWithFds(door.get(), BytesOf(MakeHello()), fds);
  });
  ExpectHonestIsServed();
}

// Sockets that are passed over themselves are collected by the kernel, in its own time.
TEST_F(HostileDoorTest, ConnectionsSentOverThemselvesAreNotKept) {
  Attack([this] {
    std::vector<UniqueFd> doors;
    for (int i = 0; i < 20; ++i) doors.push_back(ConnectDoor());
    for (const UniqueFd& door : doors) {
      std::array<int, 20> all{};
      for (std::size_t i = 0; i < all.size(); ++i) all.at(i) = doors.at(i).get();
      if (door.ok()) testing::SendWithFds(door.get(), BytesOf(MakeHello()), all);
    }
  });
  ExpectHonestIsServed();
}

// A file's lock belongs to a process that has it open, and outlives the daemon.
TEST_F(HostileDoorTest, AViewerThatLocksWhatItWasGivenKeepsNoDaemonFromStarting) {
  daemon_.reset();
  StartWith({"--arena", "file:" + dir_.path() + "/arena"});
  const percpu::testing::Pipe locking;
  percpu::testing::Child viewer([&] {
    const UniqueFd door = ConnectDoor();
    abi::v1::Hello hello = MakeHello();
    hello.wanted = static_cast<std::uint32_t>(abi::v1::MapMode::kReadOnly);
    static_cast<void>(send(door.get(), &hello, sizeof(hello), MSG_NOSIGNAL));
    std::array<std::byte, sizeof(abi::v1::Welcome)> welcome{};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(2 * sizeof(int))> control{};
    iovec part{.iov_base = welcome.data(), .iov_len = welcome.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (recvmsg(door.get(), &message, 0) <= 0) return 1;
    std::array<int, 2> given{};
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header == nullptr) return 1;
    std::memcpy(given.data(), CMSG_DATA(header), sizeof(given));
    for (const int fd : given) {
      if (flock(fd, LOCK_EX | LOCK_NB) != 0) return 2;
    }
    locking.Put(1);
    pause();
    return 0;
  });
  ASSERT_EQ(locking.Get(), 1U);
  daemon_->process.Kill(SIGKILL);
  ASSERT_TRUE(daemon_->process.Wait(kPatience).ok());
  daemon_.reset();
  StartWith({"--arena", "file:" + dir_.path() + "/arena"});
  ExpectHonestIsServed();
  viewer.Kill();
}

}  // namespace
}  // namespace percpud
