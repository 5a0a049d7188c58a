// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/script.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/status/status.h"

namespace percpud::fuzz {
namespace {

// Fails if kBad comes after kArm.
enum Kind : std::uint32_t { kNothing, kArm, kBad };
absl::StatusOr<std::uint64_t> RunFragile(const Script& script) {
  const auto armed = std::find_if(script.ops.begin(), script.ops.end(),
                                  [](const Op& op) { return op.kind == kArm; });
  if (std::any_of(armed, script.ops.end(), [](const Op& op) { return op.kind == kBad; })) {
    return absl::InternalError("broken");
  }
  return script.ops.size();
}
const Target kFragile{
    .name = "fragile", .setup_size = 2, .kinds = {"kNothing", "kArm", "kBad"}, .run = RunFragile};

TEST(FuzzScriptTest, BytesAndScriptsAreTheSame) {
  const Script script{.setup = {65535, 258}, .ops = {{kArm, 4660, 255, 1}, {kBad, 0, 0, 7}}};
  const auto bytes = Encode(script);
  EXPECT_EQ(bytes.size(), 14u);
  const Script again = Decode(kFragile, bytes);
  EXPECT_EQ(again.setup, script.setup);
  EXPECT_EQ(again.ops, script.ops);
}

TEST(FuzzScriptTest, EveryInputIsAScript) {
  EXPECT_EQ(Decode(kFragile, {}).setup, (std::vector<std::uint32_t>{0, 0}));
  const std::vector<std::uint8_t> cut{1, 0, 2, 0, 254, 9};
  const Script script = Decode(kFragile, cut);
  EXPECT_EQ(script.ops, (std::vector<Op>{{254 % 3, 9, 0, 0}}));
}

TEST(FuzzScriptTest, AFailureShrinksToWhatItTakes) {
  Script script{.setup = {1, 2}, .ops = std::vector<Op>(1000)};
  script.ops[300].kind = kArm;
  script.ops[700].kind = kBad;
  ASSERT_FALSE(RunFragile(script).ok());
  EXPECT_EQ(Shrink(kFragile, script, 5000).ops, (std::vector<Op>{{kArm}, {kBad}}));
}

TEST(FuzzScriptTest, AFailurePrintsAsATest) {
  const Script script{.setup = {1, 2}, .ops = {{kArm, 7, 8, 9}, {kBad, 0, 0, 0}}};
  EXPECT_EQ(PrintAsTest(kFragile, script), R"(TEST(FuzzRegressionTest, NameMe) {
  using namespace fragile;
  const auto done = Perform({.setup = {1, 2},
                         .ops = {
                             {kArm, 7, 8, 9},
                             {kBad, 0, 0, 0},
                         }});
  EXPECT_TRUE(done.ok()) << done.status();
}
)");
}

}  // namespace
}  // namespace percpud::fuzz
