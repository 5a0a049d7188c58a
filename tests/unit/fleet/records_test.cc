// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "server/fleet/differences.h"
#include "server/fleet/names.h"
#include "server/fleet/words.h"

namespace percpud::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Keys& TheKeys() {
  static const Keys keys("f");
  return keys;
}

EtcdEvent Event(const std::string& key, const std::string& value, bool is_delete = false) {
  return {.stored = {.key = key, .value = value, .mod_revision = 5}, .is_delete = is_delete};
}

TEST(NamesTest, NamesAreLettersDigitsAndAFewSigns) {
  EXPECT_TRUE(CheckName("host", "web-01.example_a").ok());
  for (const std::string& bad : {std::string(), std::string("a/b"), std::string("a b"),
                                 std::string("\xff"), std::string(254, 'a')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckName("host", bad))) << bad;
  }
}

TEST(NamesTest, KeysAreReadAsTheyAreWritten) {
  const auto host = TheKeys().Parse(TheKeys().Host("a"));
  ASSERT_TRUE(host);
  EXPECT_EQ(host->name, "a");
  EXPECT_EQ(host->kind, Keys::Kind::kHost);
  EXPECT_EQ(TheKeys().Parse(TheKeys().Drain("a"))->kind, Keys::Kind::kDrain);
  for (const char* const other : {"/percpud/v1/g/hosts/a", "/percpud/v1/f/hosts/", "hosts/a",
                                  "/percpud/v1/f/variables/a", "/percpud/v1/f/hosts/a/b"}) {
    EXPECT_FALSE(TheKeys().Parse(other)) << other;
  }
}

TEST(RecordsTest, ChangesAreOfHostsAndMarks) {
  const auto put = ToChange(TheKeys(), Event("/percpud/v1/f/hosts/a", R"({"weight": 2})"));
  ASSERT_TRUE(put);
  EXPECT_EQ(std::get<HostIs>(put->what).record.weight(), 2);
  EXPECT_EQ(std::get<HostIs>(put->what).mod_revision, 5);
  const auto gone = ToChange(TheKeys(), Event("/percpud/v1/f/hosts/a", "", true));
  EXPECT_TRUE(std::holds_alternative<HostGone>(gone->what));
  const auto drained = ToChange(TheKeys(), Event("/percpud/v1/f/drain/a", R"({"by": "x"})"));
  EXPECT_EQ(std::get<Drained>(drained->what).mark.by(), "x");
  const auto undrained = ToChange(TheKeys(), Event("/percpud/v1/f/drain/a", "", true));
  EXPECT_TRUE(std::holds_alternative<NotDrained>(undrained->what));
}

TEST(RecordsTest, WhatCannotBeReadIsNoRecordButAMark) {
  for (const char* const bad : {"", "{", "[]", "\xff\xfe", R"({"weight": "x"})"}) {
    EXPECT_FALSE(ToChange(TheKeys(), Event("/percpud/v1/f/hosts/a", bad))) << bad;
    EXPECT_TRUE(ToChange(TheKeys(), Event("/percpud/v1/f/drain/a", bad))) << bad;
  }
}

TEST(RecordsTest, AWeightThatNoHostMayHaveIsNoRecords) {
  for (const char* const weight : {"\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "-1", "1e308"}) {
    const std::string json = absl::StrCat(R"({"weight": )", weight, "}");
    EXPECT_FALSE(ToChange(TheKeys(), Event("/percpud/v1/f/hosts/a", json))) << weight;
  }
  EXPECT_TRUE(ToChange(TheKeys(), Event("/percpud/v1/f/hosts/a", R"({"weight": 1000})")));
}

TEST(RecordsTest, ARecordIsNotLongerThanItsLimit) {
  const std::string json = absl::StrCat(R"({"version": ")", std::string(kMostRecord, 'v'), "\"}");
  EXPECT_FALSE(ToChange(TheKeys(), Event("/percpud/v1/f/hosts/a", json)));
  const auto mark = ToChange(TheKeys(), Event("/percpud/v1/f/drain/a", json));
  ASSERT_TRUE(mark);
  EXPECT_EQ(std::get<Drained>(mark->what).mark.reason(), "");
  EXPECT_THAT(std::string(ParseRecord(json).status().message()),
              HasSubstr("over the limit of 16384"));
}

TEST(WordsTest, WhatOthersSayIsOneLineOfBoundedLength) {
  EXPECT_EQ(Words("plain \"words\""), "plain \"words\"");
  EXPECT_EQ(Words("a\nb\x1b[2J\xff"), "a\\x0ab\\x1b[2J\\xff");
  EXPECT_LE(Words(std::string(1 << 20, '\n')).size(), kMostWords + 10);
}

TEST(RecordsTest, ARecordOfALaterVersionIsRead) {
  const auto record = ParseRecord(R"({"incarnation": "x", "later": true, "serving": 99})");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->incarnation(), "x");
}

v1::View ViewOf(std::initializer_list<std::pair<const char*, v1::HostState>> hosts) {
  v1::View out;
  for (const auto& [name, state] : hosts) {
    v1::Host& host = *out.add_hosts();
    host.set_name(name);
    host.set_state(state);
  }
  return out;
}

TEST(DifferencesTest, SaysWhoCameWentAndChanged) {
  const v1::View before = ViewOf({{"a", v1::HOST_STATE_UP}, {"b", v1::HOST_STATE_UP}});
  const v1::View after = ViewOf({{"b", v1::HOST_STATE_LOST}, {"c", v1::HOST_STATE_UP}});
  EXPECT_THAT(Differences(before, after), ElementsAre("host b: lost; was up", "host c is new: up",
                                                      "host a is forgotten; was up"));
  EXPECT_THAT(Differences(after, after), IsEmpty());
  EXPECT_THAT(Differences(before, after, 1), ElementsAre("host b: lost; was up", "and 2 more"));
}

}  // namespace
}  // namespace percpud::fleet
