// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/exports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "server/base/error_reason.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const Caller kFarAway{.role = Role::kOperator, .host = "spiffe:spiffe://td/fleet/db7"};

ExportRules Rules() {
  return {.families = {"shop/http_*", "shop/hits", "a/b/*"}, .variables = {"hits", "db.*"}};
}

TEST(ExportRulesTest, FamiliesAreNamedWithTheirNamespace) {
  const ExportRules rules = Rules();
  EXPECT_TRUE(rules.NamesFamily("shop", "http_requests"));
  EXPECT_TRUE(rules.NamesFamily("shop", "http_"));
  EXPECT_TRUE(rules.NamesFamily("shop", "hits"));
  EXPECT_FALSE(rules.NamesFamily("shop", "hits_more"));
  EXPECT_FALSE(rules.NamesFamily("shop", "http"));
  EXPECT_FALSE(rules.NamesFamily("default", "hits"));
  // A namespace may have a slash, and is not the beginning of another.
  EXPECT_TRUE(rules.NamesFamily("a/b", "anything"));
  EXPECT_FALSE(rules.NamesFamily("a", "b"));
  EXPECT_FALSE(rules.NamesFamily("a/b/c", "anything"));
  EXPECT_FALSE(ExportRules().NamesFamily("shop", "hits"));
  const ExportRules all{.families = {"*"}, .variables = {}};
  EXPECT_TRUE(all.NamesFamily("any/where", "hits"));
}

TEST(ExportRulesTest, APrefixMayMeanWhatAnEntryNames) {
  const ExportRules rules = Rules();
  for (const char* const prefix : {"", "h", "http", "http_r", "hit", "hits"}) {
    EXPECT_TRUE(rules.MayNameFamily("shop", prefix)) << prefix;
  }
  for (const char* const prefix : {"x", "hits_", "htt p"}) {
    EXPECT_FALSE(rules.MayNameFamily("shop", prefix)) << prefix;
  }
  EXPECT_FALSE(rules.MayNameFamily("default", ""));
  EXPECT_TRUE(rules.NamesAllOf("a/b"));
  EXPECT_FALSE(rules.NamesAllOf("shop"));
  EXPECT_FALSE(rules.NamesAllOf(std::nullopt));
  const ExportRules all{.families = {"*"}, .variables = {}};
  EXPECT_TRUE(all.NamesAllOf(std::nullopt));
}

TEST(ExportRulesTest, VariablesAreNamed) {
  const ExportRules rules = Rules();
  EXPECT_TRUE(rules.NamesVariable("hits"));
  EXPECT_TRUE(rules.NamesVariable("db.rows"));
  EXPECT_FALSE(rules.NamesVariable("hits2"));
  EXPECT_FALSE(rules.NamesVariable(""));
}

TEST(ExportRulesTest, VariablesAreFoundByWhatEntriesBeginWith) {
  const ExportRules rules{
      .families = {},
      .variables = {"db.rows", "db.*", "a", "hits", "db.rows*", "a*", "hits", "ab", "z"}};
  const auto open = [](const char* name) { return NamePattern{.name = name, .is_open = true}; };
  const auto one = [](const char* name) { return NamePattern{.name = name, .is_open = false}; };
  // In order, and none twice.
  EXPECT_THAT(rules.VariablesOf(""), ElementsAre(open("a"), open("db."), one("hits"), one("z")));
  EXPECT_THAT(rules.VariablesOf("db.r"), ElementsAre(open("db.r")));
  EXPECT_THAT(rules.VariablesOf("d"), ElementsAre(open("db.")));
  EXPECT_THAT(rules.VariablesOf("hit"), ElementsAre(one("hits")));
  EXPECT_THAT(rules.VariablesOf("hits_"), IsEmpty());
  EXPECT_THAT(ExportRules().VariablesOf(""), IsEmpty());
  const ExportRules all{.families = {}, .variables = {"*", "a"}};
  EXPECT_THAT(all.VariablesOf(""), ElementsAre(open("")));
  EXPECT_THAT(all.VariablesOf("b"), ElementsAre(open("b")));
  EXPECT_THAT(Exports::None().ViewOf({}).VariablesOf("x"), ElementsAre(open("x")));
}

TEST(ExportRulesTest, EntriesThatMeanNothingAreRefused) {
  for (const char* const entry : {"*", "shop/*", "shop/hits", "a/b/hits*"}) {
    EXPECT_EQ(ExportRules::ObjectionToFamily(entry), "") << entry;
  }
  for (const char* const entry : {"", "hits", "/hits", "shop/", "sh*p/hits", "shop/*hits"}) {
    EXPECT_NE(ExportRules::ObjectionToFamily(entry), "") << entry;
  }
  EXPECT_EQ(ExportRules::ObjectionToVariable("db.*"), "");
  EXPECT_NE(ExportRules::ObjectionToVariable(""), "");
  EXPECT_NE(ExportRules::ObjectionToVariable("*.rows"), "");
}

TEST(ExportsTest, TheyBindThoseWhoComeByTlsWhateverTheirRole) {
  const Exports exports(Rules());
  EXPECT_TRUE(exports.ViewOf(kFarAway).is_bound());
  EXPECT_TRUE(exports.ViewOf({.role = Role::kViewer, .host = "cn:ann"}).is_bound());
  EXPECT_FALSE(exports.ViewOf({.role = Role::kViewer, .uid = UserId(1000)}).is_bound());
  // By plain TCP, so of this host.
  for (const char* const host : {"127.0.0.1", "::1"}) {
    EXPECT_FALSE(exports.ViewOf({.role = Role::kViewer, .host = host}).is_bound()) << host;
  }
  const ExportView free = exports.ViewOf({});
  EXPECT_TRUE(free.ShowsFamily("any", "family") && free.ShowsVariable("any"));
  EXPECT_TRUE(free.CheckFamily("any", "family").ok() && free.CheckVariable("any").ok());
  EXPECT_TRUE(free.CheckFamilies(std::nullopt, "").ok() && free.ShowsAllOf(std::nullopt));
}

TEST(ExportsTest, ARefusalNamesTheFieldOfTheRules) {
  const Exports exports(Rules());
  const ExportView view = exports.ViewOf(kFarAway);
  EXPECT_TRUE(view.CheckFamily("shop", "hits").ok());
  EXPECT_TRUE(view.CheckVariable("hits").ok());
  EXPECT_TRUE(view.CheckFamilies("shop", "").ok());
  EXPECT_TRUE(view.CheckFamilies(std::nullopt, "").ok());
  const absl::Status family = view.CheckFamily("shop", "cash");
  EXPECT_TRUE(absl::IsPermissionDenied(family)) << family;
  EXPECT_THAT(family.message(), StartsWith("export.families: "));
  EXPECT_THAT(family.message(), HasSubstr("shop/cash"));
  EXPECT_EQ(errors::ReasonOf(family), "NOT_EXPORTED");
  EXPECT_THAT(view.CheckVariable("cash").message(), StartsWith("export.variables: "));
  EXPECT_TRUE(absl::IsPermissionDenied(view.CheckFamilies("default", "")));
  const ExportView nothing = Exports::None().ViewOf(kFarAway);
  EXPECT_TRUE(absl::IsPermissionDenied(nothing.CheckFamilies(std::nullopt, "")));
}

TEST(ExportsTest, OtherRulesHoldFromTheNextCallOn) {
  Exports exports(Rules());
  const ExportView before = exports.ViewOf(kFarAway);
  exports.SetRules({});
  EXPECT_TRUE(before.ShowsVariable("hits"));
  EXPECT_FALSE(exports.ViewOf(kFarAway).ShowsVariable("hits"));
}

}  // namespace
}  // namespace percpud
