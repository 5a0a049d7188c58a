// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/aliases.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace percpu::cli {
namespace {

using Words = std::vector<std::string>;

TEST(AliasesTest, APluralIsAListOfTheNoun) {
  EXPECT_EQ(ResolveAliases({"sessions"}), (Words{"session", "list"}));
  EXPECT_EQ(ResolveAliases({"-o", "json", "variables"}), (Words{"-o", "json", "variable", "list"}));
  EXPECT_EQ(ResolveAliases({"--address=unix:/s", "chunks", "--help"}),
            (Words{"--address=unix:/s", "chunk", "list", "--help"}));
}

TEST(AliasesTest, AChunkWithAnIdIsShown) {
  EXPECT_EQ(ResolveAliases({"chunk", "1", "--map"}), (Words{"chunk", "show", "1", "--map"}));
  EXPECT_EQ(ResolveAliases({"chunk", "--map", "1"}), (Words{"chunk", "show", "--map", "1"}));
  EXPECT_EQ(ResolveAliases({"chunk", "list"}), (Words{"chunk", "list"}));
  EXPECT_EQ(ResolveAliases({"chunk"}), (Words{"chunk"}));
}

TEST(AliasesTest, OnlyTheCommandIsRewritten) {
  for (const Words& words : {Words{}, Words{"-o"}, Words{"get", "sessions"},
                             Words{"--address", "sessions", "ping"}, Words{"inc", "chunk", "1"}}) {
    EXPECT_EQ(ResolveAliases(words), words);
  }
}

}  // namespace
}  // namespace percpu::cli
