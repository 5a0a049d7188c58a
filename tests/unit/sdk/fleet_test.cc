// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "percpu/internal/wire/reason.h"
#include "percpu/mocks/mock_fleet_connection.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

using percpud::testing::TempDir;
using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::Return;

constexpr absl::Duration kPatience = absl::Seconds(60);

FleetView SomeView(const std::string& epoch = "e1") {
  FleetView out{.fleet = "shop", .hosts = {}, .epoch = epoch, .stale_since = {}};
  for (const char* const name : {"web1", "web2"}) {
    FleetHost& host = out.hosts.emplace_back();
    host.name = name;
    host.state = HostState::kUp;
    host.weight = 1;
  }
  return out;
}

absl::Status Away() { return absl::UnavailableError("percpud-fleet does not answer"); }
absl::Status Missing() {
  return WithReason(absl::UnavailableError("hosts: 1 of 2 missing"), kHostsMissing);
}

class FleetTest : public ::testing::Test {
 protected:
  FleetTest() {
    std::ofstream(view_file_) << R"({"fleet": "shop", "epoch": "e0", "unknown_field": 1,
      "hosts": [{"name": "web1", "state": "HOST_STATE_LOST", "lost_since": "2026-11-30T10:00:00Z",
                 "record": {"weight": 2, "addresses": ["tls:web1:7331"], "serving": "SERVING_UP"}}]})";
  }

  const TempDir dir_;
  const std::string view_file_ = dir_.path() + "/view.json";
  std::shared_ptr<mocks::MockFleetConnection> agent_ =
      std::make_shared<::testing::NiceMock<mocks::MockFleetConnection>>();
  Fleet fleet_{agent_, {.agent = {}, .view_file = view_file_, .hosts = {}}};
};

TEST_F(FleetTest, AnAddressIsASocketsPath) {
  for (const char* const agent : {"unix:/run/f.sock", "/run/f.sock", ""}) {
    EXPECT_TRUE(Fleet::Open({.agent = agent, .view_file = {}, .hosts = {}}).ok()) << agent;
  }
  for (const char* const agent : {"localhost:1", "tls:web1:7331", "f.sock"}) {
    const auto fleet = Fleet::Open({.agent = agent, .view_file = {}, .hosts = {}});
    EXPECT_EQ(fleet.status().code(), absl::StatusCode::kInvalidArgument) << agent;
  }
}

TEST_F(FleetTest, WithoutAnAgentTheHostsAreThoseOfItsFile) {
  EXPECT_CALL(*agent_, ListHosts)
      .WillOnce(Return(SomeView()))
      .WillOnce(Return(Away()))
      .WillOnce(Return(absl::DeadlineExceededError("frozen")));
  const auto asked = fleet_.Hosts();
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(*asked, SomeView());
  for (int i = 0; i < 2; ++i) {
    const auto stored = fleet_.Hosts();
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_TRUE(stored->is_stored);
    EXPECT_TRUE(stored->stale_since.has_value());
    ASSERT_EQ(stored->hosts.size(), 1U);
    const FleetHost& host = stored->hosts.front();
    EXPECT_EQ(host.state, HostState::kLost);
    EXPECT_EQ(host.lost_since, absl::FromUnixSeconds(1'796'032'800));
    EXPECT_EQ(host.serving, HostServing::kUp);
    EXPECT_EQ(host.weight, 2);
    EXPECT_THAT(host.addresses, ElementsAre("tls:web1:7331"));
  }
}

TEST_F(FleetTest, WithoutAFileItSaysWhatIsWrongWithBoth) {
  EXPECT_CALL(*agent_, ListHosts).WillRepeatedly(Return(Away()));
  std::ofstream(view_file_, std::ios::trunc) << "{";
  EXPECT_THAT(std::string(fleet_.Hosts().status().message()), HasSubstr("is no view"));
  Fleet other(agent_, {.agent = {}, .view_file = dir_.path() + "/none", .hosts = {}});
  const absl::Status status = other.Hosts().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("does not answer"), HasSubstr("/none")));
  // Whatever is in the way there is not waited for.
  other = Fleet(agent_, {.agent = {}, .view_file = dir_.path(), .hosts = {}});
  EXPECT_TRUE(absl::IsUnavailable(other.Hosts().status()));
}

TEST_F(FleetTest, ARefusalIsNoReasonToReadTheFile) {
  EXPECT_CALL(*agent_, ListHosts).WillOnce(Return(absl::ResourceExhaustedError("too many")));
  EXPECT_TRUE(absl::IsResourceExhausted(fleet_.Hosts().status()));
}

VariablesSum RowsOf(VariableType type, std::int64_t total) {
  VariablesSum out;
  out.variables.push_back({.name = "rows",
                           .type = type,
                           .size_bytes = 8,
                           .sums = {total},
                           .hosts = 2,
                           .differing_hosts = {"web3"},
                           .by_host = {{"web1", type, 8, {total - 1}},
                                       {"web2", type, 8, {1}},
                                       {"web3", VariableType::kBytes, 64, {}}}});
  out.round.epoch = "e1";
  return out;
}

TEST_F(FleetTest, FindTellsHowEachHostHasIt) {
  EXPECT_CALL(*agent_, SumVariable("rows", AllOf(Field(&SumOptions::policy, SumPolicy::kAvailable),
                                                 Field(&SumOptions::by_host, true))))
      .WillOnce(Return(RowsOf(VariableType::kCounter, 5)))
      .WillOnce(Return(VariablesSum()));
  const auto found = fleet_.Find("rows");
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->hosts.size(), 3U);
  EXPECT_EQ(found->hosts[0].host, "web1");
  EXPECT_EQ(found->hosts[0].type, VariableType::kCounter);
  EXPECT_EQ(found->hosts[2].size_bytes, 64U);
  EXPECT_EQ(found->round.epoch, "e1");
  EXPECT_THAT(fleet_.Find("rows")->hosts, IsEmpty());
}

TEST_F(FleetTest, ASumIsTheVariablesIfThereIsOne) {
  EXPECT_CALL(*agent_, SumVariable("rows", _)).WillOnce(Return(RowsOf(VariableType::kGauge, -5)));
  EXPECT_CALL(*agent_, SumFamily).Times(0);
  const auto sum = fleet_.Sum("rows");
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_TRUE(sum->is_variable);
  EXPECT_EQ(sum->total, -5);
  EXPECT_THAT(sum->by_host, ElementsAre(Pair("web1", -6), Pair("web2", 1)));
  EXPECT_THAT(sum->differing_hosts, ElementsAre("web3"));
}

FamilySum Sold(FamilyType type, CellKind cells) {
  FamilySum out;
  out.shape.type = type;
  out.shape.cells = cells;
  out.series = {
      {.label_values = {"a"},
       .cells = {{.count = 3, .sum = 1.5}, {.count = 1, .sum = 1}},
       .overflow = false,
       .by_host = {{"web1", {{.count = 4, .sum = 2.5}}}}},
      {.label_values = {"b"},
       .cells = {{.count = 10, .sum = 0.5}},
       .overflow = false,
       .by_host = {{"web1", {{.count = 1, .sum = 0.25}}}, {"web2", {{.count = 9, .sum = 0.25}}}}}};
  out.round.hosts = {"web1", "web2"};
  return out;
}

TEST_F(FleetTest, OrTheFamilysWithAllItsSeries) {
  EXPECT_CALL(*agent_, SumVariable).WillRepeatedly(Return(VariablesSum()));
  EXPECT_CALL(*agent_, SumFamily("sold", Field(&SumOptions::name_space, "shop")))
      .WillOnce(Return(Sold(FamilyType::kCounter, CellKind::kInteger)))
      .WillOnce(Return(Sold(FamilyType::kCounter, CellKind::kDouble)))
      .WillOnce(Return(Sold(FamilyType::kHistogram, CellKind::kHistogram)));
  SumOptions options;
  options.name_space = "shop";
  const auto whole = fleet_.Sum("sold", options);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_FALSE(whole->is_variable);
  EXPECT_EQ(whole->total, 14);
  EXPECT_THAT(whole->by_host, ElementsAre(Pair("web1", 5), Pair("web2", 9)));
  EXPECT_THAT(whole->round.hosts, ElementsAre("web1", "web2"));
  EXPECT_EQ(fleet_.Sum("sold", options)->total, 3);
  // Observations are counted.
  EXPECT_EQ(fleet_.Sum("sold", options)->total, 14);
}

TEST_F(FleetTest, ASumThatMissesHostsIsNoFamilys) {
  EXPECT_CALL(*agent_, SumVariable).WillOnce(Return(Missing()));
  EXPECT_CALL(*agent_, SumFamily).Times(0);
  EXPECT_EQ(fleet_.Sum("sold").status(), Missing());
}

TEST_F(FleetTest, WhatIsHiddenMayBeAFamily) {
  const absl::Status hidden = absl::PermissionDeniedError("export.variables");
  EXPECT_CALL(*agent_, SumVariable).WillRepeatedly(Return(hidden));
  EXPECT_CALL(*agent_, SumFamily)
      .WillOnce(Return(Sold(FamilyType::kCounter, CellKind::kInteger)))
      .WillOnce(Return(absl::NotFoundError("family")));
  EXPECT_EQ(fleet_.Sum("sold")->total, 14);
  EXPECT_EQ(fleet_.Sum("sold").status(), hidden);
}

TEST_F(FleetTest, NothingOfThatNameIsNotFound) {
  EXPECT_CALL(*agent_, SumVariable).WillOnce(Return(VariablesSum()));
  EXPECT_CALL(*agent_, SumFamily).WillOnce(Return(absl::NotFoundError("family")));
  const absl::Status status = fleet_.Sum("sold").status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("sold"));
}

TEST_F(FleetTest, OnlyAddressesOfTlsAreConnectedTo) {
  FleetView view = SomeView();
  view.hosts[0].addresses = {"unix:/run/percpud/percpud.sock", "web1:7331"};
  // gRPC would take these for sockets of this host, and for a server of names.
  FleetHost& sly = view.hosts.emplace_back(view.hosts[0]);
  sly.name = "web3";
  sly.addresses = {"tls:unix:/run/percpud/percpud.sock:1", "tls:dns://127.0.0.1/web3:1",
                   "tls:", "tls:web3:1\n"};
  view.hosts[1].addresses = {"tls:", "tls:web2:7331"};
  EXPECT_CALL(*agent_, ListHosts).WillRepeatedly(Return(view));
  EXPECT_TRUE(absl::IsNotFound(fleet_.Connect("web9").status()));
  for (const char* const host : {"web1", "web3"}) {
    const absl::Status status = fleet_.Connect(host).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  }
  // The files are the caller's to name.
  const absl::Status nameless = fleet_.Connect("web2").status();
  EXPECT_TRUE(absl::IsInvalidArgument(nameless)) << nameless;
  EXPECT_THAT(std::string(nameless.message()), HasSubstr("tls.ca_file"));
}

// What a watch has told.
class Told {
 public:
  void Add(const FleetView& view) {
    const absl::MutexLock lock(&mutex_);
    views_.push_back(view);
  }
  // The epoch of the view that was told as number `n`, from 0.
  std::string Await(std::size_t n) {
    const absl::MutexLock lock(&mutex_);
    const auto has_come = [this, n]()
                              ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return views_.size() > n; };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&has_come), kPatience)) return "none";
    return views_[n].epoch;
  }
  std::size_t size() {
    const absl::MutexLock lock(&mutex_);
    return views_.size();
  }

 private:
  absl::Mutex mutex_;
  std::vector<FleetView> views_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(FleetTest, AWatchTellsWhatHasChangedAcrossTheAgentsDeath) {
  EXPECT_CALL(*agent_, ListHosts)
      .WillOnce(Return(SomeView("e1")))
      .WillOnce(Return(SomeView("e1")))
      .WillOnce(Return(Away()))
      .WillRepeatedly(Return(SomeView("e2")));
  Told told;
  {
    const auto watch = fleet_.Watch([&told](const FleetView& view) { told.Add(view); });
    ASSERT_TRUE(watch.ok()) << watch.status();
    EXPECT_EQ(told.Await(0), "e1");
    // The agent's file.
    EXPECT_EQ(told.Await(1), "e0");
    EXPECT_EQ(told.Await(2), "e2");
  }
  const std::size_t before = told.size();
  EXPECT_EQ(before, 3U);
  // Nothing calls back any more, and nothing asks.
  ::testing::Mock::VerifyAndClearExpectations(agent_.get());
  EXPECT_CALL(*agent_, ListHosts).Times(0);
}

TEST_F(FleetTest, ACallbackMayEndItsWatch) {
  EXPECT_CALL(*agent_, ListHosts).WillOnce(Return(SomeView()));
  absl::Notification is_set;
  absl::Notification is_over;
  std::optional<FleetWatch> own;
  auto watch = fleet_.Watch([&](const FleetView& /*view*/) {
    is_set.WaitForNotification();
    own.reset();
    is_over.Notify();
  });
  ASSERT_TRUE(watch.ok()) << watch.status();
  own.emplace(*std::move(watch));
  is_set.Notify();
  is_over.WaitForNotification();
  // The thread leaves nothing behind: the connection is the test's and the fleet's again.
  while (agent_.use_count() > 2) std::this_thread::yield();
}

TEST_F(FleetTest, AMomentThatIsReckonedAnewIsNoChange) {
  FleetView first = SomeView();
  first.stale_since = absl::Now();
  FleetView second = first;
  *second.stale_since += absl::Nanoseconds(3);
  EXPECT_CALL(*agent_, ListHosts)
      .WillOnce(Return(first))
      .WillOnce(Return(second))
      .WillRepeatedly(Return(SomeView("e2")));
  Told told;
  const auto watch = fleet_.Watch([&told](const FleetView& view) { told.Add(view); });
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_EQ(told.Await(1), "e2");
}

}  // namespace
}  // namespace percpu
