// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/fd_numbers.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <set>

namespace percpud {
namespace {

TEST(FdNumbersTest, ANumberComesBackWhenAllOthersHaveBeen) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  constexpr int kNumbers = 64;
  rlimit few = before;
  few.rlim_cur = rlim_t{2} * kNumbers;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  FdNumbers numbers;
  std::set<int> seen;
  for (int i = 0; i < kNumbers; ++i) {
    const UniqueFd fd = numbers.Renumber(UniqueFd(eventfd(0, EFD_CLOEXEC)));
    EXPECT_GE(fd.get(), kNumbers);
    EXPECT_TRUE(seen.insert(fd.get()).second) << fd.get();
  }
  EXPECT_EQ(numbers.Renumber(UniqueFd(eventfd(0, EFD_CLOEXEC))).get(), kNumbers);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace percpud
