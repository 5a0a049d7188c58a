// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/byte_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace percpud::gateway {
namespace {

TEST(ByteQueueTest, GivesBackWhatItGotInOrder) {
  std::mt19937 random(5);
  ByteQueue queue;
  std::deque<std::uint8_t> model;
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::uint8_t> bytes(random() % 300);
    if (random() % 2 == 0) {
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
      queue.Append(bytes);
      model.insert(model.end(), bytes.begin(), bytes.end());
    } else {
      const std::size_t taken = queue.Take(bytes);
      ASSERT_EQ(taken, std::min(bytes.size(), model.size()));
      for (std::size_t i = 0; i < taken; ++i) {
        ASSERT_EQ(bytes[i], model.front());
        model.pop_front();
      }
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.empty(), model.empty());
  }
}

TEST(ByteQueueTest, ClearForgetsAll) {
  ByteQueue queue;
  queue.Append(std::vector<std::uint8_t>(10, 1));
  queue.Drop(3);
  queue.Clear();
  EXPECT_TRUE(queue.empty());
  queue.Append(std::vector<std::uint8_t>(2, 7));
  ASSERT_EQ(queue.view().size(), 2U);
  EXPECT_EQ(queue.view()[0], 7);
}

}  // namespace
}  // namespace percpud::gateway
