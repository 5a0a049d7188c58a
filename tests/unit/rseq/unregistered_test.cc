// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Processes without restartable sequences: this one again, with glibc told not
// to register, and under valgrind, which knows no such system call.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "server/rseq/self_test.h"
#include "tests/support/process.h"
#include "tests/unit/rseq/slots.h"

namespace percpud::rseq {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;
using testing::Slots;
using testing::StayHere;

const std::string kNoRseq = "GLIBC_TUNABLES=glibc.pthread.rseq=0";

// The checks that such a process makes on itself, disabled elsewhere.
TEST(Unregistered, DISABLED_NothingIsStoredAndNothingHangs) {
  ASSERT_FALSE(GlibcRegistered());
  EXPECT_FALSE(RseqWorks());
  Slots<std::uint64_t> slots;
  EXPECT_FALSE(Add<std::uint64_t>(slots.unit0(), slots.table(), 1));
  EXPECT_FALSE(Increment<std::uint64_t>(slots.unit0(), slots.table()));
  EXPECT_FALSE(Store<std::uint64_t>(slots.unit0(), slots.table(), 1));
  EXPECT_FALSE(Load<std::uint64_t>(slots.unit0(), slots.table()).has_value());
  EXPECT_FALSE(Exchange<std::uint64_t>(slots.unit0(), slots.table(), 1).has_value());
  EXPECT_FALSE(CompareExchange<std::uint64_t>(slots.unit0(), slots.table(), 0, 1).has_value());
  EXPECT_EQ(slots.Sum(), 0U);
}

TEST(Unregistered, DISABLED_LockedOperationsWork) {
  ASSERT_FALSE(GlibcRegistered());
  const StayHere here;
  Slots<std::uint64_t> slots;
  EXPECT_EQ(CurrentCpu(), here.cpu());
  EXPECT_TRUE(atomic::Add<std::uint64_t>(slots.unit0(), slots.table(), 5));
  EXPECT_THAT(atomic::Exchange<std::uint64_t>(slots.unit0(), slots.table(), 6), Optional(5U));
  EXPECT_EQ(slots.at(here.cpu()), 6U);
}

// This program's disabled tests, after `wrapper`.
void ExpectChecksPass(std::vector<std::string> wrapper, const std::vector<std::string>& env) {
  wrapper.push_back(std::filesystem::read_symlink("/proc/self/exe"));
  wrapper.emplace_back("--gtest_also_run_disabled_tests");
  wrapper.emplace_back("--gtest_filter=Unregistered.*");
  const auto ran = percpud::testing::RunToEnd(wrapper, env);
  ASSERT_TRUE(ran.ok()) << ran.status();
  EXPECT_EQ(ran->exit_code, 0) << ran->out << ran->err;
  EXPECT_THAT(ran->out, HasSubstr("[  PASSED  ] 2 tests"));
}

TEST(UnregisteredTest, ThreadsThatGlibcDoesNotRegister) { ExpectChecksPass({}, {kNoRseq}); }

TEST(UnregisteredTest, ThreadsUnderValgrind) {
  const std::string valgrind = "/usr/bin/valgrind";
  if (access(valgrind.c_str(), X_OK) != 0) GTEST_SKIP() << "no valgrind";
#if defined(PERCPUD_ASAN) || defined(PERCPUD_TSAN)
  GTEST_SKIP() << "no valgrind under a sanitizer";
#endif
  ExpectChecksPass({valgrind, "--error-exitcode=9"}, {});
}

}  // namespace
}  // namespace percpud::rseq
