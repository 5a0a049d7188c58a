// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/fleet/local_percpud.h"
#include "server/fleet/records.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/fleet/fake_etcd.h"

namespace percpud::fleet {
namespace {

using ::testing::HasSubstr;

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    v1::HostRecord record;
    record.set_weight(1);
    record.set_serving(v1::SERVING_UP);
    for (int i = 0; i < 3; ++i) etcd_.Write(keys_.Host(absl::StrCat("h", i)), ToJson(record), 0);
    List();
  }
  void List() { directory_.OnListing(*etcd_.List(keys_.prefix())); }
  v1::PlaceResponse Place(const std::string& key, std::uint32_t count) {
    v1::PlaceRequest request;
    request.set_key(key);
    request.set_count(count);
    v1::PlaceResponse out;
    status_ = answers_.Place(request, out);
    return out;
  }
  grpc::Status Drain(const std::string& host, const std::string& reason = "") {
    v1::DrainRequest request;
    request.set_host(host);
    request.set_reason(reason);
    v1::DrainResponse out;
    return admin_.Drain(nullptr, &request, &out);
  }
  grpc::Status Undrain(const std::string& host) {
    v1::UndrainRequest request;
    request.set_host(host);
    v1::UndrainResponse out;
    return admin_.Undrain(nullptr, &request, &out);
  }
  v1::GetStatusResponse Status() { return answers_.GetStatus(); }

  percpud::testing::FakeClock clock_;
  testing::FakeEtcd etcd_;
  const Keys keys_{"f"};
  std::vector<Registration::Seen> seen_;
  Directory directory_{{.fleet = "f"}, keys_, "h1", clock_, [this](const Registration::Seen& seen) {
                         seen_.push_back(seen);
                       }};
  FleetAnswers answers_{directory_, [] { return v1::GetStatusResponse(); }};
  FleetAdminServiceImpl admin_{keys_, etcd_};
  grpc::Status status_;
};

TEST_F(ServiceTest, PlacesOnTheHostsOfItsEpoch) {
  const v1::PlaceResponse placed = Place("key", 9);
  EXPECT_EQ(placed.hosts_size(), 3);
  EXPECT_EQ(placed.epoch(), directory_.View().epoch());
  EXPECT_FALSE(placed.has_stale_since());
  EXPECT_EQ(Place("key", 0).hosts_size(), 1);
  EXPECT_EQ(Place("key", 1).hosts(0), placed.hosts(0));
  directory_.OnBroken(absl::UnavailableError("away"));
  EXPECT_TRUE(Place("key", 1).has_stale_since());
}

TEST_F(ServiceTest, RefusesWhatCannotBePlaced) {
  Place("", 1);
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  Place("key", 1001);
  EXPECT_THAT(status_.error_message(), HasSubstr("1000"));
}

TEST_F(ServiceTest, DrainsAndUndrains) {
  ASSERT_TRUE(Drain("h0", "disk").ok());
  List();
  EXPECT_EQ(Place("key", 9).hosts_size(), 2);
  EXPECT_EQ(directory_.View().hosts(0).drain().reason(), "disk");
  EXPECT_EQ(Status().hosts_drained(), 1);
  ASSERT_TRUE(Undrain("h0").ok());
  List();
  EXPECT_EQ(Place("key", 9).hosts_size(), 3);
  EXPECT_EQ(Undrain("h0").error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServiceTest, RefusesNamesAndReasonsThatAreTooMuch) {
  EXPECT_EQ(Drain("a/b").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(Drain("h0", std::string(257, 'x')).error_message(), HasSubstr("256"));
  EXPECT_EQ(Undrain("").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServiceTest, SaysIfEtcdDoesNotTakeAMark) {
  etcd_.is_away = true;
  EXPECT_EQ(Drain("h0").error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(Undrain("h0").error_code(), grpc::StatusCode::ABORTED);
}

TEST_F(ServiceTest, StatusSaysWhetherEtcdIsFollowed) {
  EXPECT_TRUE(Status().watching());
  EXPECT_EQ(Status().hosts_up(), 3);
  directory_.OnBroken(absl::UnavailableError("away"));
  EXPECT_FALSE(Status().watching());
  EXPECT_EQ(Status().watch_problem(), "away");
  EXPECT_TRUE(Status().has_stale_since());
}

TEST_F(ServiceTest, TheOwnRecordIsTold) {
  ASSERT_EQ(seen_.size(), 1);
  EXPECT_TRUE(seen_[0].is_listing);
  EXPECT_EQ(seen_[0].mod_revision, etcd_.entries.at(keys_.Host("h1")).stored.mod_revision);
  EtcdEvent gone{.stored = {.key = keys_.Host("h1"), .value = "", .mod_revision = 77},
                 .is_delete = true};
  directory_.OnNews({.events = {gone}, .cluster_id = 1, .revision = 77});
  ASSERT_EQ(seen_.size(), 2);
  EXPECT_EQ(seen_[1].mod_revision, 0);
  EXPECT_EQ(seen_[1].revision, 77);
  EXPECT_EQ(directory_.View().hosts(1).state(), v1::HOST_STATE_LOST);
}

TEST(UnreadAnswersTest, AConnectionHasSoManyAndGetsThemBack) {
  UnreadAnswers unread;
  for (int i = 0; i < UnreadAnswers::kMostOfConnection; ++i) EXPECT_TRUE(unread.Enter("fd:1"));
  EXPECT_FALSE(unread.Enter("fd:1"));
  EXPECT_TRUE(unread.Enter("fd:2"));
  unread.Leave("fd:1");
  EXPECT_TRUE(unread.Enter("fd:1"));
}

TEST(UnreadAnswersTest, LargeOnesHaveALimitTogether) {
  UnreadAnswers unread;
  v1::GetTargetsResponse first;
  first.set_text(std::string(UnreadAnswers::kMostBytes, 'x'));
  v1::GetTargetsResponse second = first;
  UnreadAnswers::Turn one;
  UnreadAnswers::Turn other;
  // One that is larger than all may be is let through alone.
  EXPECT_TRUE(unread.Hold(one, grpc::Status::OK, first).ok());
  const grpc::Status refused = unread.Hold(other, grpc::Status::OK, second);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("64 MiB"));
  EXPECT_TRUE(second.text().empty());
}

TEST(UnreadAnswersTest, ATurnComesOnce) {
  UnreadAnswers::Turn turn;
  EXPECT_TRUE(turn.Begin());
  EXPECT_FALSE(turn.Begin());
}

TEST(RoundedFreeTest, ChangesBySixteenths) {
  EXPECT_EQ(RoundedFree(1600, 0), 1600);
  EXPECT_EQ(RoundedFree(1600, 1), 1500);
  EXPECT_EQ(RoundedFree(1600, 100), 1500);
  EXPECT_EQ(RoundedFree(1600, 9999), 0);
  EXPECT_EQ(RoundedFree(0, 0), 0);
  EXPECT_EQ(RoundedFree(10, 3), 7);
}

}  // namespace
}  // namespace percpud::fleet
