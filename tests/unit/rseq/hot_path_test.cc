// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the compiler makes of an operation whose first try succeeds: the
// instructions from a probe's entry to its return, as objdump shows them. No call,
// nothing saved on the stack, and as many instructions as there are things to do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <vector>

#include "server/rseq/section.h"
#include "tests/support/disassembly.h"

namespace percpud::rseq {
namespace {

using percpud::testing::Instructions;
using percpud::testing::kObjdump;
using ::testing::Each;
using ::testing::Not;
using ::testing::StartsWith;

class HotPathTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if !defined(PERCPUD_RSEQ_HAS_SECTIONS) || !defined(__x86_64__) || defined(PERCPUD_ASAN)
    GTEST_SKIP() << "not the code that is shipped";
#endif
    if (access(kObjdump, X_OK) != 0) GTEST_SKIP() << "no objdump";
  }

  // Tells of the instructions where it fails.
  static void ExpectShort(const std::string& function, std::size_t most) {
    const std::vector<std::string> path = Instructions(function);
    EXPECT_FALSE(path.empty());
    EXPECT_LE(path.size(), most) << ::testing::PrintToString(path);
    EXPECT_THAT(path, Each(Not(StartsWith("call"))));
    EXPECT_THAT(path, Each(Not(StartsWith("push"))));
  }
};

// glibc's offset and the Ref's two words (4 loads), arm (2), locate (4), add; and
// what a function needs of its own: an argument out of the way, the answer, return.
TEST_F(HotPathTest, AnAddIsFourteenInstructions) { ExpectShort("percpud_probe_add", 14); }

TEST_F(HotPathTest, AStoreIsNoLonger) { ExpectShort("percpud_probe_store", 14); }

// Two loads and stores more, and no argument in the way.
TEST_F(HotPathTest, ADoubleIsAddedInFifteen) { ExpectShort("percpud_probe_add_double", 15); }

// Two halves, loaded, added, put together and stored; and a count of 1.
TEST_F(HotPathTest, AnObservationIsNineteen) { ExpectShort("percpud_probe_observe", 19); }

// A handle in memory that may be null: a test more, and its words are loaded (3).
TEST_F(HotPathTest, AnAddOfTheCLibraryIsFourteen) { ExpectShort("percpud_probe_c_add", 14); }

// What is below zero or not a number is not counted: two or three more, and two moves.
TEST_F(HotPathTest, ADoubleOfTheCLibraryIsNineteen) {
  ExpectShort("percpud_probe_c_add_double", 19);
}

TEST_F(HotPathTest, AnObservationOfTheCLibraryIsTwenty) {
  ExpectShort("percpud_probe_c_observe", 20);
}

}  // namespace
}  // namespace percpud::rseq
