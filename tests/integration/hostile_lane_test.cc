// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Hostile sessions on the local fast lane: admitted, and then out of line.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/hostile_rig.h"
#include "tests/integration/lane_session.h"
#include "tests/support/send_fds.h"

namespace percpud {
namespace {

using abi::v1::LaneAnswer;
using abi::v1::LaneKind;
using abi::v1::LaneRequestHeader;
using testing::LaneSession;

constexpr std::uint64_t kWord[] = {8};

std::string Record(std::uint32_t bytes, LaneKind kind, const std::string& body,
                   std::uint64_t number = 0) {
  const LaneRequestHeader header{.bytes = bytes,
                                 .kind = static_cast<std::uint16_t>(kind),
                                 .reserved = 0,
                                 .id = 1,
                                 .number = number};
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + body;
}

class HostileLaneTest : public testing::HostileRig {
 protected:
  LaneSession Enter() { return LaneSession::Open(daemon_->address); }
  // Sends what was asked, and returns the codes of as many answers.
  static std::vector<std::uint16_t> CodesOf(LaneSession& session) {
    const std::uint32_t asked = session.ask().requests();
    std::vector<std::uint16_t> codes;
    EXPECT_TRUE(session.Send());
    while (codes.size() < asked &&
           session.Hear([&](const LaneAnswer& answer) { codes.push_back(answer.code); })) {
    }
    return codes;
  }
  static std::uint64_t Allocate(LaneSession& session, std::uint64_t number = 0) {
    std::uint64_t pointer = 0;
    session.ask().Alloc(1, number, {.sizes = kWord, .alignments = {}, .tag = {}});
    EXPECT_TRUE(session.Send());
    EXPECT_TRUE(session.Hear([&](const LaneAnswer& answer) {
      abi::v1::LanePointersView view;
      if (answer.code == 0 && view.Parse(answer.body)) pointer = view.pointer(0);
    }));
    return pointer;
  }
};

TEST_F(HostileLaneTest, LengthsThatLieCostTheirSenderTheSession) {
  for (const std::uint32_t bytes : {0U, 1U, 7U, 23U, 25U, 32U, 65536U, 0x80000000U, 0xffffffffU}) {
    LaneSession session = Enter();
    ASSERT_TRUE(session.SendRaw(Record(bytes, LaneKind::kPing, "")));
    EXPECT_TRUE(session.AwaitHangUp()) << bytes;
  }
  ExpectHonestIsServed();
}

// The count times the entry's size is 2^32, or a little more.
TEST_F(HostileLaneTest, CountsThatOverflowCostTheirSenderTheSession) {
  for (const std::uint32_t count : {0x20000000U, 0x20000001U, 0x40000000U, 0xffffffffU}) {
    for (const bool is_alloc : {true, false}) {
      std::string body(is_alloc ? sizeof(abi::v1::LaneAlloc) : sizeof(abi::v1::LanePointers), '\0');
      std::memcpy(body.data(), &count, sizeof(count));
      body.resize(48);
      const auto kind = is_alloc ? LaneKind::kAlloc : LaneKind::kFree;
      LaneSession session = Enter();
      ASSERT_TRUE(session.SendRaw(
          Record(static_cast<std::uint32_t>(sizeof(LaneRequestHeader) + body.size()), kind, body)));
      EXPECT_TRUE(session.AwaitHangUp()) << count;
    }
  }
  ExpectHonestIsServed();
}

TEST_F(HostileLaneTest, NothingOfAMessageIsServedWhoseLastRecordIsMalformed) {
  LaneSession session = Enter();
  for (int i = 0; i < 100; ++i) {
    session.ask().Alloc(1, 0, {.sizes = kWord, .alignments = {}, .tag = {}});
  }
  const abi::v1::LaneBytes sound = session.ask().message();
  std::string message(reinterpret_cast<const char*>(sound.data()), sound.size());
  ASSERT_TRUE(session.SendRaw(message + Record(12, LaneKind::kPing, "")));
  EXPECT_TRUE(session.AwaitHangUp());
  auto client = percpu::Client::Connect(daemon_->address);
  EXPECT_EQ(client->GetStats()->nr_alloc, 0U);
  ExpectHonestIsServed();
}

TEST_F(HostileLaneTest, DescriptorsInALaneMessageCostTheSession) {
  LaneSession session = Enter();
  const std::array<int, 3> fds = {session.fd(), session.fd(), STDERR_FILENO};
  if (testing::SendWithFds(session.fd(), Record(24, LaneKind::kPing, ""), fds)) {
    EXPECT_TRUE(session.AwaitHangUp());
  } else {
    // From Linux 6.16 on the kernel refuses them.
    EXPECT_EQ(errno, EPERM);
  }
  ExpectHonestIsServed();
}

TEST_F(HostileLaneTest, KindsWithoutANameAreAnsweredAndNothingElse) {
  LaneSession session = Enter();
  for (const std::uint16_t kind : std::array<std::uint16_t, 6>{0, 6, 15, 32, 255, 65535}) {
    ASSERT_TRUE(session.SendRaw(Record(24, static_cast<LaneKind>(kind), "")));
    ASSERT_TRUE(session.Hear([&](const LaneAnswer& answer) {
      constexpr std::uint16_t kUnimplemented = 12;
      EXPECT_EQ(answer.code, kUnimplemented) << kind;
    }));
  }
  ExpectHonestIsServed();
}

TEST_F(HostileLaneTest, AdditionsReachNothingThatIsNotTheirs) {
  LaneSession victim = Enter();
  const std::uint64_t theirs = Allocate(victim);
  ASSERT_NE(theirs, 0U);
  LaneSession session = Enter();
  const std::uint64_t mine = Allocate(session);
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const std::vector<abi::v1::LaneAdd> bad = {
      {.pointer = 0, .delta = 1, .unit = 0, .width = 8},
      {.pointer = 8, .delta = 1, .unit = 0, .width = 8},
      {.pointer = theirs, .delta = 1, .unit = 0, .width = 8},
      {.pointer = mine + 1, .delta = 1, .unit = 0, .width = 8},
      {.pointer = mine + 4, .delta = 1, .unit = 0, .width = 8},
      {.pointer = mine, .delta = 1, .unit = 0, .width = 0},
      {.pointer = mine, .delta = 1, .unit = 0, .width = 3},
      {.pointer = mine, .delta = kMost, .unit = 0, .width = 4},
      {.pointer = mine, .delta = 1, .unit = 0xfffffffe, .width = 8},
      {.pointer = ~std::uint64_t{7}, .delta = 1, .unit = 0, .width = 8},
      {.pointer = std::uint64_t{1} << 40U, .delta = 1, .unit = 0, .width = 8}};
  for (const abi::v1::LaneAdd& add : bad) session.ask().Add(1, add);
  const std::vector<std::uint16_t> codes = CodesOf(session);
  ASSERT_EQ(codes.size(), bad.size());
  for (std::size_t i = 0; i < codes.size(); ++i) EXPECT_NE(codes[i], 0) << i;
  ExpectHonestIsServed();
}

TEST_F(HostileLaneTest, FreesOfOthersAreasAndOfOneTwiceChangeNothing) {
  LaneSession victim = Enter();
  const std::uint64_t theirs = Allocate(victim);
  LaneSession session = Enter();
  const std::uint64_t mine = Allocate(session);
  for (const std::vector<std::uint64_t>& batch :
       std::vector<std::vector<std::uint64_t>>{{theirs},
                                               {mine, theirs},
                                               {mine, mine},
                                               {mine, 0},
                                               {mine + 4},
                                               {0},
                                               {~0ULL},
                                               std::vector<std::uint64_t>(4096, mine)}) {
    session.ask().Free(1, 0, batch);
    EXPECT_NE(CodesOf(session).at(0), 0) << batch.size();
  }
  auto client = percpu::Client::Connect(daemon_->address);
  EXPECT_EQ(client->GetStats()->nr_cur_alloc, 2U);
  session.ask().Free(1, 0, std::span(&mine, 1));
  EXPECT_EQ(CodesOf(session).at(0), 0);
  ExpectHonestIsServed();
}

// It is answered as the request that had the number first, and does nothing.
TEST_F(HostileLaneTest, ANumberUsedForTwoKindsDoesNothingTheSecondTime) {
  LaneSession session = Enter();
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t area = Allocate(session, 7);
  ASSERT_NE(area, 0U);
  session.ask().Free(1, 7, std::span(&area, 1));
  CodesOf(session);
  session.ask().Free(1, 8, std::span(&area, 1));
  EXPECT_EQ(CodesOf(session).at(0), 0);
  session.ask().Free(1, 9, std::span(&area, 1));
  EXPECT_NE(CodesOf(session).at(0), 0);
  const std::uint64_t last = Allocate(session, kLast);
  EXPECT_NE(last, 0U);
  // Numbers go upwards: what is older than the oldest answer kept is refused or repeated.
  session.ask().Alloc(1, 6, {.sizes = kWord, .alignments = {}, .tag = {}});
  CodesOf(session);
  EXPECT_EQ(Allocate(session, kLast), last);
  ExpectHonestIsServed();
}

TEST_F(HostileLaneTest, NamesThatAreNoneAreRefused) {
  LaneSession session = Enter();
  const std::vector<std::string> names = {"",
                                          std::string("a\0b", 3),
                                          "a\nb",
                                          "\x1b[2J",
                                          std::string("\xc2\x9b") + "2J",
                                          "\xff\xfe",
                                          std::string("\xe2\x80\xae") + "abc",
                                          std::string(60'000, 'x')};
  for (const std::string& name : names) {
    session.ask().OpenVariable(
        1, {.name = name, .type = 3, .size = 8, .alignment = 8, .create = true});
    EXPECT_NE(CodesOf(session).at(0), 0) << name.substr(0, 20);
  }
  ExpectHonestIsServed();
}

TEST_F(HostileLaneTest, SessionsThatNeverReadHoldUpNobody) {
  Attack([this] {
    std::vector<LaneSession> sessions;
    for (int i = 0; i < 20; ++i) {
      sessions.push_back(Enter());
      const std::vector<std::uint64_t> sizes(2000, 4);
      sessions.back().ask().Alloc(1, 0, {.sizes = sizes, .alignments = {}, .tag = {}});
      while (sessions.back().TrySend()) {
      }
    }
  });
  ExpectHonestIsServed();
}

// What one asks at once takes the thread long; others have their turn in between.
TEST_F(HostileLaneTest, BatchesOfThousandsLeaveOthersTheirTurn) {
  Attack(
      [this] {
        LaneSession session = Enter();
        const std::vector<std::uint64_t> sizes(4096, 4);
        for (int i = 0; i < 50; ++i) {
          std::vector<std::uint64_t> granted;
          session.ask().Alloc(1, 0, {.sizes = sizes, .alignments = {}, .tag = {}});
          if (!session.Send()) return;
          session.Hear([&](const LaneAnswer& answer) {
            abi::v1::LanePointersView view;
            if (answer.code != 0 || !view.Parse(answer.body)) return;
            for (std::uint32_t at = 0; at < view.pointers(); ++at) {
              granted.push_back(view.pointer(at));
            }
          });
          session.ask().Free(2, 0, granted);
          if (!session.Send() || !session.Hear([](const LaneAnswer&) {})) return;
        }
      },
      1);
  ExpectHonestIsServed();
}

TEST_F(HostileLaneTest, EmptyMessagesEndTheSessionAndNothingElse) {
  Attack([this] {
    LaneSession session = Enter();
    static_cast<void>(session.SendRaw(std::string_view()));
    static_cast<void>(session.AwaitHangUp());
  });
  ExpectHonestIsServed();
}

}  // namespace
}  // namespace percpud
