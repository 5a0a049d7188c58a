// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/memory_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

#include "tests/support/fake_clock.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;

constexpr Bytes MiB(std::uint64_t count) { return Bytes(count << 20U); }

class MemoryRoomTest : public ::testing::Test {
 protected:
  // Takes it, and has it in use.
  absl::Status Take(Bytes length) {
    absl::Status status = room_.Take(length);
    if (status.ok() && limit_) limit_->used = limit_->used + length;
    return status;
  }

  std::optional<MemoryLimit> limit_ = MemoryLimit{.group = "/g", .limit = MiB(64), .used = MiB(14)};
  int reads_ = 0;
  testing::FakeClock clock_;
  MemoryRoom room_{{.read =
                        [this] {
                          ++reads_;
                          return limit_;
                        },
                    .clock = &clock_}};
};

TEST_F(MemoryRoomTest, WhatIsLeftMayBeTakenButForTheDaemonsOwnPart) {
  for (int i = 0; i < 46; ++i) EXPECT_TRUE(Take(MiB(1)).ok()) << i;
  const absl::Status refused = Take(MiB(1));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr("control group /g, limited to 64MiB, has 4MiB left"));
  limit_->used = MiB(20);
  EXPECT_TRUE(Take(MiB(1)).ok());
}

TEST_F(MemoryRoomTest, TheGroupIsReadOnceForAPartOfWhatIsLeft) {
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(Take(MiB(1)).ok());
  EXPECT_EQ(reads_, 1);
  EXPECT_TRUE(Take(MiB(1)).ok());
  EXPECT_EQ(reads_, 2);
}

TEST_F(MemoryRoomTest, AnAnswerIsGoodForASecond) {
  EXPECT_TRUE(Take(MiB(1)).ok());
  limit_->used = MiB(63);
  EXPECT_TRUE(room_.Take(MiB(1)).ok());
  clock_.Advance(MemoryRoom::kGoodFor);
  EXPECT_FALSE(room_.Take(MiB(1)).ok());
}

TEST_F(MemoryRoomTest, MoreThanIsLeftAtOnceIsRefused) {
  EXPECT_FALSE(room_.Take(MiB(47)).ok());
  EXPECT_FALSE(room_.Take(MiB(1000)).ok());
  EXPECT_TRUE(room_.Take(MiB(46)).ok());
}

TEST_F(MemoryRoomTest, WithoutALimitNothingIsRefused) {
  limit_ = std::nullopt;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(room_.Take(MiB(1024)).ok());
  EXPECT_EQ(reads_, 1);
}

}  // namespace
}  // namespace percpud
