// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/variable_sums.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace percpud::fleet {
namespace {

namespace wire = percpud::v1;
using ::testing::ElementsAre;

wire::ReadVariablesResponse Page(const std::string& name, wire::VariableType type,
                                 const std::vector<std::int64_t>& sums) {
  wire::ReadVariablesResponse out;
  wire::VariableSums& one = *out.add_variables();
  one.mutable_variable()->set_name(name);
  one.mutable_variable()->set_type(type);
  one.mutable_variable()->set_size_bytes(8 * sums.size());
  for (const std::int64_t sum : sums) one.add_sums(sum);
  return out;
}

v1::SumVariablesResponse Written(const VariableSums& sums) {
  v1::SumVariablesResponse out;
  sums.WriteTo(out);
  return out;
}

TEST(VariableSumsTest, EachIsAddedUpByItself) {
  VariableSums sums(/*by_host=*/true);
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  ASSERT_TRUE(sums.Add("h1", {Page("b", wire::VARIABLE_TYPE_COUNTER, {kMost}),
                              Page("h", wire::VARIABLE_TYPE_HISTOGRAM, {1, 2})})
                  .ok());
  ASSERT_TRUE(sums.Add("h2", {Page("a", wire::VARIABLE_TYPE_GAUGE, {-3}),
                              Page("b", wire::VARIABLE_TYPE_COUNTER, {1}),
                              Page("h", wire::VARIABLE_TYPE_HISTOGRAM, {10, 20})})
                  .ok());
  const v1::SumVariablesResponse out = Written(sums);
  ASSERT_EQ(out.variables_size(), 3);
  EXPECT_EQ(out.variables(0).name(), "a");
  EXPECT_EQ(out.variables(0).hosts(), 1U);
  EXPECT_THAT(out.variables(0).sums(), ElementsAre(-3));
  // Modulo 2^64, as on one host.
  EXPECT_THAT(out.variables(1).sums(), ElementsAre(std::numeric_limits<std::int64_t>::min()));
  EXPECT_THAT(out.variables(2).sums(), ElementsAre(11, 22));
  EXPECT_EQ(out.variables(2).by_host_size(), 2);
}

TEST(VariableSumsTest, HostsThatDifferAreNamedAndLeftOut) {
  VariableSums sums(/*by_host=*/false);
  ASSERT_TRUE(sums.Add("h1", {Page("a", wire::VARIABLE_TYPE_COUNTER, {1})}).ok());
  ASSERT_TRUE(sums.Add("h2", {Page("a", wire::VARIABLE_TYPE_GAUGE, {1})}).ok());
  ASSERT_TRUE(sums.Add("h3", {Page("a", wire::VARIABLE_TYPE_COUNTER, {1, 1})}).ok());
  ASSERT_TRUE(sums.Add("h4", {Page("a", wire::VARIABLE_TYPE_COUNTER, {1})}).ok());
  const v1::SumVariablesResponse out = Written(sums);
  ASSERT_EQ(out.variables_size(), 1);
  EXPECT_THAT(out.variables(0).sums(), ElementsAre(2));
  EXPECT_EQ(out.variables(0).hosts(), 2U);
  EXPECT_THAT(out.variables(0).differing_hosts(), ElementsAre("h2", "h3"));
}

TEST(VariableSumsTest, ByHostTheyAreAsEachHasThem) {
  VariableSums sums(/*by_host=*/true);
  ASSERT_TRUE(sums.Add("h1", {Page("a", wire::VARIABLE_TYPE_COUNTER, {1})}).ok());
  ASSERT_TRUE(sums.Add("h2", {Page("a", wire::VARIABLE_TYPE_HISTOGRAM, {1, 2})}).ok());
  const v1::SumVariablesResponse out = Written(sums);
  ASSERT_EQ(out.variables(0).by_host_size(), 2);
  EXPECT_EQ(out.variables(0).by_host(0).type(), wire::VARIABLE_TYPE_COUNTER);
  const v1::HostSums& other = out.variables(0).by_host(1);
  EXPECT_EQ(other.host(), "h2");
  EXPECT_EQ(other.type(), wire::VARIABLE_TYPE_HISTOGRAM);
  EXPECT_EQ(other.size_bytes(), 16U);
  EXPECT_THAT(other.sums(), ElementsAre(1, 2));
  EXPECT_THAT(out.variables(0).differing_hosts(), ElementsAre("h2"));
}

TEST(VariableSumsTest, TooManyAreRefused) {
  VariableSums sums(/*by_host=*/false);
  for (std::size_t i = 0; i < VariableSums::kMostVariables; ++i) {
    ASSERT_TRUE(sums.Add("h1", {Page(absl::StrCat(i), wire::VARIABLE_TYPE_COUNTER, {1})}).ok());
  }
  EXPECT_TRUE(sums.Add("h2", {Page("0", wire::VARIABLE_TYPE_COUNTER, {1})}).ok());
  const absl::Status refused = sums.Add("h2", {Page("x", wire::VARIABLE_TYPE_COUNTER, {1})});
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
}

TEST(VariableSumsTest, AHostThatRepeatsItselfIsRefusedAndLeavesNothing) {
  VariableSums sums(/*by_host=*/true);
  const auto page = Page("a", wire::VARIABLE_TYPE_COUNTER, {1});
  const absl::Status refused = sums.Add("h1", {page, page});
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_EQ(Written(sums).variables_size(), 0);
  ASSERT_TRUE(sums.Add("h2", {page}).ok());
  EXPECT_EQ(Written(sums).variables(0).hosts(), 1U);
}

TEST(VariableSumsTest, IntegersOfAllHostsHaveALimit) {
  VariableSums sums(/*by_host=*/true);
  const std::vector<std::int64_t> many(VariableSums::kMostSums / 2, 1);
  const auto page = Page("a", wire::VARIABLE_TYPE_HISTOGRAM, many);
  ASSERT_TRUE(sums.Add("h1", {page}).ok());
  const absl::Status refused = sums.Add("h2", {page});
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(Written(sums).variables(0).hosts(), 1U);
}

}  // namespace
}  // namespace percpud::fleet
