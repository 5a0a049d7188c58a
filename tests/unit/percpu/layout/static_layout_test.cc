// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/layout/static_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/base/limits.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;

StaticVariable Variable(const std::string& name, std::uint64_t size, std::uint64_t alignment = 8) {
  return {.name = name,
          .type = VariableType::kBytes,
          .size = Bytes(size),
          .alignment = Bytes(alignment),
          .offset = {}};
}

TEST(StaticLayoutTest, LaysOutInOrderBehindTheNullGuard) {
  const auto layout = StaticLayout::Build(
      {Variable("a", 8), Variable("b", 100, 64), Variable("c", 4, 4)}, Bytes(0));
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->variables()[0].offset, Bytes(64));
  EXPECT_EQ(layout->variables()[1].offset, Bytes(128));
  EXPECT_EQ(layout->variables()[2].offset, Bytes(228));
  EXPECT_EQ(layout->size(), Bytes(232));
  EXPECT_EQ(layout->At(Bytes(0)), nullptr);
  EXPECT_EQ(layout->At(Bytes(72)), nullptr);
  EXPECT_EQ(layout->At(Bytes(227))->name, "b");
  EXPECT_EQ(layout->At(Bytes(232)), nullptr);
}

TEST(StaticLayoutTest, AnEmptyOneStillHasTheGuard) {
  EXPECT_EQ(StaticLayout::Build({}, Bytes(0))->size(), StaticLayout::kNullGuard);
  EXPECT_EQ(StaticLayout::Build({}, Bytes(4096))->size(), Bytes(4096));
}

TEST(StaticLayoutTest, BadVariablesAreNamed) {
  const auto refusal = [](std::vector<StaticVariable> variables, Bytes size = Bytes(0)) {
    return std::string(StaticLayout::Build(std::move(variables), size).status().message());
  };
  EXPECT_THAT(refusal({Variable("", 8)}), HasSubstr("].name"));
  EXPECT_THAT(refusal({Variable("9lives", 8)}), HasSubstr("static_variables[9lives].name"));
  EXPECT_THAT(refusal({Variable("a b", 8)}), HasSubstr("].name"));
  EXPECT_THAT(refusal({Variable("a", 0)}), HasSubstr("static_variables[a].size"));
  EXPECT_THAT(refusal({Variable("a", 8, 24)}), HasSubstr("static_variables[a].alignment"));
  EXPECT_THAT(refusal({Variable("a", 8, 8192)}), HasSubstr("static_variables[a].alignment"));
  EXPECT_THAT(refusal({Variable("a", 8), Variable("a", 8)}), HasSubstr("a is named twice"));
  EXPECT_THAT(refusal({Variable(std::string(129, 'n'), 8)}), HasSubstr("].name"));
  EXPECT_THAT(refusal({Variable("a", 8, 0)}), HasSubstr("static_variables[a].alignment"));
}

TEST(StaticLayoutTest, SizesAreBounded) {
  const auto refusal = [](std::vector<StaticVariable> variables, Bytes size = Bytes(0)) {
    return std::string(StaticLayout::Build(std::move(variables), size).status().message());
  };
  EXPECT_THAT(refusal({Variable("a", 100)}, Bytes(128)), HasSubstr("static_size: 128 bytes"));
  EXPECT_THAT(refusal({}, Bytes(60)), HasSubstr("static_size: 60 bytes do not hold the 64"));
  EXPECT_THAT(refusal({}, kMaxUnitSize + Bytes(1)), HasSubstr("static_size"));
  EXPECT_THAT(refusal({}, Bytes::Max()), HasSubstr("static_size"));
  EXPECT_THAT(refusal({Variable("a", UINT64_MAX)}), HasSubstr("static_variables[a].size"));
  EXPECT_THAT(refusal({Variable("a", kMaxUnitSize.value())}), HasSubstr("they need more than"));
  EXPECT_TRUE(StaticLayout::Build({Variable("a", kMaxUnitSize.value() - 64)}, Bytes(0)).ok());
}

TEST(StaticLayoutTest, AlignmentsBelowAGranuleAreRaised) {
  const auto layout = StaticLayout::Build({Variable("a", 1, 1), Variable("b", 1, 1)}, Bytes(0));
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->variables()[1].offset, Bytes(68));
  EXPECT_EQ(layout->size(), Bytes(72));
}

TEST(StaticLayoutTest, TypesHaveNames) {
  for (const char* name : {"counter", "gauge", "histogram", "bytes"}) {
    EXPECT_EQ(Name(*ParseVariableType(name)), name);
  }
  EXPECT_FALSE(ParseVariableType("Counter").ok());
}

}  // namespace
}  // namespace percpud
