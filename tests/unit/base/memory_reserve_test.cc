// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/memory_reserve.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <new>
#include <vector>

#include "tests/support/sanitizers.h"

namespace percpud {
namespace {

// No more address space than the process has.
void LimitAddressSpace() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  setrlimit(RLIMIT_AS, &limit);
}
void LiftLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_AS, &limit);
}

TEST(MemoryReserveTest, NobodyHasToUseIt) { EXPECT_TRUE(MemoryReserve::IsWhole()); }

TEST(MemoryReserveTest, WhatIsBegunFindsMemoryAndNothingNewBegins) {
  if (testing::kThreadSanitizer || testing::kAddressSanitizer) {
    GTEST_SKIP() << "a sanitizer has an allocator of its own";
  }
  EXPECT_EXIT(
      {
        MemoryReserve::PutBy();
        if (!MemoryReserve::IsWhole()) _exit(1);
        std::vector<void*> taken;
        taken.reserve(1 << 20);
        LimitAddressSpace();
        constexpr std::size_t kBlock = 4096;
        while (MemoryReserve::IsWhole()) taken.push_back(::operator new(kBlock));
        // Some of it is there for what had begun.
        for (int i = 0; i < 100; ++i) taken.push_back(::operator new(kBlock));
        if (MemoryReserve::IsWhole()) _exit(2);
        bool has_thrown = false;
        try {
          while (true) taken.push_back(::operator new(kBlock));
        } catch (const std::bad_alloc&) {
          has_thrown = true;
        }
        LiftLimit();
        _exit(has_thrown && MemoryReserve::IsWhole() ? 0 : 3);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace percpud
