// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/fleet/fake_etcd.h"

namespace percpud::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Writes down what it hears.
class Heard final : public FollowerSink {
 public:
  void OnListing(const EtcdListing& listing) override {
    log.push_back(absl::StrCat("list ", listing.entries.size(), " at ", listing.revision));
  }
  void OnNews(const EtcdNews& news) override {
    log.push_back(absl::StrCat("news ", news.events.size(), " at ", news.revision));
  }
  void OnBroken(const absl::Status& why) override { log.emplace_back(why.message()); }

  std::vector<std::string> log;
};

EtcdNews News(std::int64_t revision, std::uint64_t cluster = 1, std::size_t events = 1) {
  return {.events = std::vector<EtcdEvent>(events), .cluster_id = cluster, .revision = revision};
}

class FollowerTest : public ::testing::Test {
 protected:
  percpud::testing::FakeClock clock_;
  testing::FakeEtcd etcd_;
  Heard heard_;
  Follower follower_{"/f/", etcd_, heard_, clock_};
};

TEST_F(FollowerTest, ListsItsPrefixAndWatchesWhatComesAfter) {
  etcd_.Write("/f/a", "1", 0);
  etcd_.Write("/g/b", "2", 0);
  etcd_.news = {News(4), News(5, 1, 2)};
  EXPECT_THAT(std::string(follower_.FollowOnce().message()), HasSubstr("ended"));
  EXPECT_THAT(heard_.log, ElementsAre("list 1 at 3", "news 1 at 4", "news 2 at 5"));
  EXPECT_THAT(etcd_.watched_from, ElementsAre(4));
}

TEST_F(FollowerTest, ListsAgainWheneverTheWatchBreaks) {
  etcd_.news = {News(4)};
  follower_.FollowOnce().IgnoreError();
  follower_.FollowOnce().IgnoreError();
  EXPECT_THAT(heard_.log, ElementsAre("list 0 at 1", "news 1 at 4", "list 0 at 1"));
}

TEST_F(FollowerTest, AnotherClusterEndsTheWatch) {
  etcd_.news = {News(4, 2)};
  EXPECT_THAT(std::string(follower_.FollowOnce().message()), HasSubstr("another cluster"));
  EXPECT_THAT(heard_.log, ElementsAre("list 0 at 1"));
}

TEST_F(FollowerTest, ARevisionThatWentBackEndsTheWatch) {
  etcd_.news = {News(9), News(3)};
  EXPECT_THAT(std::string(follower_.FollowOnce().message()), HasSubstr("went back"));
  EXPECT_THAT(heard_.log, ElementsAre("list 0 at 1", "news 1 at 9"));
}

TEST_F(FollowerTest, AMessageWithoutEventsIsNoNews) {
  etcd_.news = {News(1, 1, 0)};
  follower_.FollowOnce().IgnoreError();
  EXPECT_THAT(heard_.log, ElementsAre("list 0 at 1"));
}

TEST_F(FollowerTest, AStoppedOneReturns) {
  follower_.Stop();
  follower_.Run();
  EXPECT_TRUE(etcd_.watched_from.size() <= 1);
}

}  // namespace
}  // namespace percpud::fleet
