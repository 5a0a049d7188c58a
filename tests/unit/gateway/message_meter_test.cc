// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/message_meter.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "server/base/error_reason.h"

namespace percpud::gateway {
namespace {

std::vector<std::uint8_t> Message(std::uint32_t length) {
  std::vector<std::uint8_t> out{
      0, static_cast<std::uint8_t>(length >> 24), static_cast<std::uint8_t>(length >> 16),
      static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
  return out;
}

std::vector<std::uint8_t> WithBody(std::uint32_t length) {
  std::vector<std::uint8_t> out = Message(length);
  out.resize(out.size() + length, 0xff);
  return out;
}

TEST(MessageMeterTest, CountsMessagesHoweverTheyAreCut) {
  std::vector<std::uint8_t> stream;
  for (const std::uint32_t length : {0U, 1U, 300U, 0U, 70'000U}) {
    const std::vector<std::uint8_t> message = WithBody(length);
    stream.insert(stream.end(), message.begin(), message.end());
  }
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    MessageMeter meter(Bytes(70'000));
    std::span<const std::uint8_t> left(stream);
    while (!left.empty()) {
      const std::size_t part = std::min<std::size_t>(left.size(), 1 + random() % 40'000);
      ASSERT_TRUE(meter.Feed(left.first(part)).ok());
      left = left.subspan(part);
    }
    EXPECT_EQ(meter.messages(), 5U);
    EXPECT_TRUE(meter.is_complete());
  }
}

TEST(MessageMeterTest, KnowsWhenAMessageIsCut) {
  const std::vector<std::uint8_t> message = WithBody(10);
  for (std::size_t size = 1; size < message.size(); ++size) {
    MessageMeter meter(Bytes(10));
    ASSERT_TRUE(meter.Feed(std::span(message).first(size)).ok());
    EXPECT_FALSE(meter.is_complete()) << size;
  }
}

TEST(MessageMeterTest, TheLimitIsHeldAgainstTheAnnouncement) {
  MessageMeter fits(Bytes(100));
  EXPECT_TRUE(fits.Feed(Message(100)).ok());
  for (const std::uint32_t length : {101U, 1U << 24, 0xffffffffU}) {
    MessageMeter meter(Bytes(100));
    const absl::Status status = meter.Feed(Message(length));
    EXPECT_EQ(errors::ReasonOf(status), "MESSAGE_OVER_LIMIT") << length;
  }
}

TEST(MessageMeterTest, WhateverIsNotPlainIsRefused) {
  for (const int flag : {1, 2, 0x80, 0xff}) {
    MessageMeter meter(Bytes(100));
    // By its first byte, so that nothing of it is passed on.
    const std::vector<std::uint8_t> first{static_cast<std::uint8_t>(flag)};
    EXPECT_EQ(errors::ReasonOf(meter.Feed(first)), "COMPRESSION_REFUSED") << flag;
  }
}

}  // namespace
}  // namespace percpud::gateway
