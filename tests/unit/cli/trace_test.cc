// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace percpu {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::TempDir;

class TraceTest : public ::testing::Test {
 protected:
  ~TraceTest() override { std::remove(path_.c_str()); }

  absl::StatusOr<std::vector<TraceOp>> Read(const std::string& text) {
    std::ofstream(path_) << text;
    return ReadTrace(path_);
  }

  const std::string path_ =
      TempDir() + "/" + ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".trace";
};

TEST_F(TraceTest, NumbersIdsDenselyInOrder) {
  const auto ops = Read("a 700 8 4\na 3 18446744073709551615 64\nf 700\na 9 0 0\nf 3\n");
  ASSERT_TRUE(ops.ok()) << ops.status();
  ASSERT_EQ(ops->size(), 5u);
  const std::vector<std::uint64_t> ids = {0, 1, 0, 2, 1};
  const std::vector<bool> allocs = {true, true, false, true, false};
  for (std::size_t i = 0; i < ops->size(); ++i) {
    EXPECT_EQ((*ops)[i].id, ids[i]) << i;
    EXPECT_EQ((*ops)[i].alloc, allocs[i]) << i;
  }
  EXPECT_EQ((*ops)[0].size, 8u);
  EXPECT_EQ((*ops)[0].alignment, 4u);
  EXPECT_EQ((*ops)[1].size, UINT64_MAX);
}

TEST_F(TraceTest, AnIdMayBeUsedAgainAfterItsFree) {
  const auto ops = Read("a 5 8 8\nf 5\na 5 16 8\nf 5\n");
  ASSERT_TRUE(ops.ok()) << ops.status();
  EXPECT_EQ((*ops)[2].id, 0u);
  EXPECT_EQ((*ops)[2].size, 16u);
}

TEST_F(TraceTest, TheLastLineNeedsNoNewline) { EXPECT_EQ(Read("a 0 8 8\nf 0")->size(), 2u); }

TEST_F(TraceTest, AnEmptyFileIsAnEmptyTrace) { EXPECT_TRUE(Read("")->empty()); }

TEST_F(TraceTest, ErrorsNameTheLine) {
  for (const char* bad :
       {"",          "a",        "f",        "a 1",      "a 1 8",     "a 1 8 8 8",
        "f 0 0",     "g 0",      "A 1 8 8",  "a  1 8 8", " a 1 8 8",  "a 1 8 8 ",
        "a 1 8 8\r", "a\t1 8 8", "a -1 8 8", "a +1 8 8", "a 1 0x8 8", "a 1 8 18446744073709551616",
        "f x",       "# note"}) {
    const auto ops = Read(std::string("a 0 8 8\n") + bad + "\nf 0\n");
    EXPECT_EQ(ops.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(ops.status().message()),
                EndsWith(".trace:2: expected 'a ID SIZE ALIGN' or 'f ID'"))
        << bad;
  }
}

TEST_F(TraceTest, FreesMatchAllocations) {
  EXPECT_THAT(std::string(Read("a 0 8 8\nf 1\n").status().message()),
              EndsWith(":2: id 1 is not live"));
  EXPECT_THAT(std::string(Read("a 0 8 8\nf 0\nf 0\n").status().message()),
              EndsWith(":3: id 0 is not live"));
  EXPECT_THAT(std::string(Read("a 0 8 8\na 0 8 8\n").status().message()),
              EndsWith(":2: id 0 is live already"));
}

TEST_F(TraceTest, WhatCannotBeReadIsRefused) {
  EXPECT_EQ(ReadTrace(path_).status().code(), absl::StatusCode::kNotFound);
  const auto directory = ReadTrace(TempDir());
  EXPECT_EQ(directory.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(directory.status().message()), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace percpu
