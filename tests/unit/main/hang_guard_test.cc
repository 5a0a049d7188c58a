// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/hang_guard.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace percpud {
namespace {

TEST(HangGuardTest, EndsAProcessThatHangs) {
  EXPECT_EXIT(
      {
        const HangGuard guard("the drain hangs\n", absl::Seconds(1));
        while (true) pause();
      },
      ::testing::ExitedWithCode(1), "the drain hangs");
}

TEST(HangGuardTest, LeavesAProcessAloneThatWentOn) {
  { const HangGuard guard("the start hangs\n", absl::Hours(1)); }
  EXPECT_EQ(alarm(0), 0U) << "an alarm is still set";
  const HangGuard another("the drain hangs\n", absl::Hours(1));
}

}  // namespace
}  // namespace percpud
