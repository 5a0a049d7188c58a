// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/cells/shared_cell.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace percpud::cells {
namespace {

TEST(SharedCellTest, SetsAddsAndLosesNothing) {
  constexpr int kThreads = 4;
  constexpr int kAdds = 50'000;
  double memory = 0;
  const SharedCell cell(reinterpret_cast<std::byte*>(&memory));
  cell.Set(2.5);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&cell] {
      for (int add = 0; add < kAdds; ++add) cell.Add(0.5);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cell.Get(), 2.5 + 0.5 * kThreads * kAdds);
  EXPECT_EQ(memory, cell.Get());
}

}  // namespace
}  // namespace percpud::cells
