// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/fake_clock.h"

namespace percpud::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr absl::Duration kTtl = absl::Seconds(10);
constexpr absl::Duration kGrace = absl::Seconds(60);
constexpr absl::Duration kDisbelief = absl::Minutes(10);

Change Is(const std::string& name, double weight = 1) {
  v1::HostRecord record;
  record.set_incarnation(name);
  record.set_serving(v1::SERVING_UP);
  record.set_weight(weight);
  return {.name = name, .what = HostIs{.record = record, .mod_revision = 7}};
}

Change Gone(const std::string& name) { return {.name = name, .what = HostGone{}}; }

Change Left(const std::string& name) {
  Change out = Is(name);
  std::get<HostIs>(out.what).record.set_serving(v1::SERVING_LEFT);
  return out;
}

Change DrainOf(const std::string& name) { return {.name = name, .what = Drained{}}; }

class MembershipTest : public ::testing::Test {
 protected:
  // A fleet of hosts h0, h1 and so on.
  void Have(int hosts) { members_.Replace(Fleet(hosts), 1, 10); }
  static std::vector<Change> Fleet(int hosts) {
    std::vector<Change> out;
    for (int i = 0; i < hosts; ++i) out.push_back(Is(absl::StrCat("h", i)));
    return out;
  }
  void Lose(int first, int count) {
    for (int i = first; i < first + count; ++i) members_.Apply(Gone(absl::StrCat("h", i)), 11);
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    members_.Tick();
  }
  // Names, and whether each is UP.
  [[nodiscard]] std::map<std::string, bool> States() const { return StatesOf(members_.View()); }
  static std::map<std::string, bool> StatesOf(const v1::View& view) {
    std::map<std::string, bool> out;
    for (const v1::Host& host : view.hosts()) {
      out[host.name()] = host.state() == v1::HOST_STATE_UP;
    }
    return out;
  }
  [[nodiscard]] std::vector<std::string> Placed() const {
    std::vector<std::string> out;
    for (const Candidate& each : members_.Candidates()) out.push_back(each.name);
    return out;
  }

  percpud::testing::FakeClock clock_;
  Membership members_{{.fleet = "f", .ttl = kTtl, .lost_grace = kGrace, .disbelief = kDisbelief},
                      clock_};
};

TEST_F(MembershipTest, IsStaleUntilItIsListed) {
  EXPECT_TRUE(members_.View().has_stale_since());
  Have(2);
  EXPECT_FALSE(members_.View().has_stale_since());
  EXPECT_THAT(States(), ElementsAre(Pair("h0", true), Pair("h1", true)));
}

TEST_F(MembershipTest, AHostWhoseRecordGoesIsLostAndForgottenAfterItsGrace) {
  Have(5);
  Lose(1, 1);
  EXPECT_FALSE(States().at("h1"));
  EXPECT_EQ(Placed().size(), 5);
  Pass(kGrace - absl::Seconds(1));
  EXPECT_EQ(States().size(), 5);
  Pass(absl::Seconds(1));
  EXPECT_EQ(States().count("h1"), 0);
  EXPECT_EQ(Placed().size(), 4);
}

TEST_F(MembershipTest, AHostThatComesBackIsUpAndItsGraceBeginsAnew) {
  Have(5);
  Lose(1, 1);
  Pass(kGrace - absl::Seconds(1));
  members_.Apply(Is("h1"), 12);
  EXPECT_TRUE(States().at("h1"));
  Lose(1, 1);
  Pass(kGrace - absl::Seconds(1));
  EXPECT_FALSE(States().at("h1"));
}

TEST_F(MembershipTest, AHostThatLeavesIsForgottenAtOnceAndCountsNot) {
  Have(5);
  for (int i = 0; i < 4; ++i) {
    members_.Apply(Left(absl::StrCat("h", i)), 11);
    members_.Apply(Gone(absl::StrCat("h", i)), 12);
  }
  EXPECT_THAT(States(), ElementsAre(Pair("h4", true)));
  EXPECT_FALSE(members_.is_mass_loss());
}

TEST_F(MembershipTest, AListingLosesWhoIsNotInIt) {
  Have(5);
  members_.Disconnected();
  members_.Replace(Fleet(4), 1, 20);
  EXPECT_FALSE(States().at("h4"));
  EXPECT_TRUE(States().at("h3"));
}

TEST_F(MembershipTest, NobodyIsForgottenWhileEtcdIsAway) {
  Have(5);
  Lose(1, 1);
  members_.Disconnected();
  Pass(100 * kGrace);
  EXPECT_EQ(States().size(), 5);
  EXPECT_TRUE(members_.View().has_stale_since());
  // Once it answers, a host has the time of a lease to come back.
  members_.Replace(Fleet(1), 1, 20);
  EXPECT_EQ(States().size(), 5);
}

TEST_F(MembershipTest, AHostLostBeforeEtcdWasAwayHasALeasesTimeAfterwards) {
  Have(5);
  Lose(4, 1);
  members_.Disconnected();
  Pass(2 * kGrace);
  members_.Replace(Fleet(4), 1, 20);
  Pass(kTtl - absl::Seconds(1));
  EXPECT_EQ(States().size(), 5);
  Pass(absl::Seconds(1));
  EXPECT_EQ(States().size(), 4);
}

TEST_F(MembershipTest, ALossOfMoreThanHalfAtOnceIsNotBelieved) {
  Have(5);
  const std::string epoch = members_.View().epoch();
  Lose(0, 2);
  EXPECT_FALSE(members_.is_mass_loss());
  Pass(kTtl);
  Lose(2, 1);
  EXPECT_TRUE(members_.is_mass_loss());
  const v1::View view = members_.View();
  EXPECT_TRUE(view.mass_loss());
  EXPECT_TRUE(view.has_stale_since());
  EXPECT_EQ(view.epoch(), epoch);
  Pass(2 * kGrace);
  EXPECT_EQ(States().size(), 5);
  EXPECT_EQ(Placed().size(), 5);
}

TEST_F(MembershipTest, LossesOneByOneAreBelieved) {
  Have(7);
  for (int i = 0; i < 5; ++i) {
    Lose(i, 1);
    Pass(kTtl + absl::Seconds(1));
  }
  EXPECT_FALSE(members_.is_mass_loss());
  Pass(kGrace);
  EXPECT_EQ(States().size(), 2);
}

TEST_F(MembershipTest, TwoHostsAreNoMass) {
  Have(3);
  Lose(0, 2);
  EXPECT_FALSE(members_.is_mass_loss());
  Pass(kGrace);
  EXPECT_EQ(States().size(), 1);
}

TEST_F(MembershipTest, PlacementIsHeldWhileALossIsNotBelieved) {
  Have(5);
  Lose(0, 4);
  const auto placed = Placed();
  members_.Apply(Is("h9"), 12);
  members_.Apply(DrainOf("h4"), 13);
  EXPECT_EQ(Placed(), placed);
}

TEST_F(MembershipTest, WhenMostAreBackTheRestHaveTheirGraceAndTheViewIsNotStale) {
  Have(5);
  Lose(0, 4);
  Pass(3 * kGrace);
  for (int i = 1; i < 4; ++i) members_.Apply(Is(absl::StrCat("h", i)), 12);
  EXPECT_FALSE(members_.is_mass_loss());
  EXPECT_FALSE(members_.View().has_stale_since());
  Pass(kGrace - absl::Seconds(1));
  EXPECT_FALSE(States().at("h0"));
  Pass(absl::Seconds(1));
  EXPECT_EQ(States().size(), 4);
}

TEST_F(MembershipTest, AMassLossThatEtcdHoldsToIsBelievedAtLast) {
  Have(5);
  Lose(0, 4);
  Pass(kDisbelief - absl::Seconds(1));
  EXPECT_TRUE(members_.is_mass_loss());
  members_.Disconnected();
  Pass(kDisbelief);
  EXPECT_TRUE(members_.is_mass_loss());
  members_.Replace({Is("h4")}, 1, 20);
  Pass(kDisbelief);
  EXPECT_FALSE(members_.is_mass_loss());
  Pass(kGrace);
  EXPECT_THAT(States(), ElementsAre(Pair("h4", true)));
}

TEST_F(MembershipTest, AnEmptyListingForgetsNobody) {
  Have(5);
  const std::string epoch = members_.View().epoch();
  members_.Disconnected();
  members_.Replace({}, 2, 1);
  Pass(3 * kGrace);
  EXPECT_EQ(States().size(), 5);
  EXPECT_EQ(members_.View().epoch(), epoch);
  members_.Replace(Fleet(5), 2, 7);
  EXPECT_FALSE(members_.is_mass_loss());
  EXPECT_EQ(members_.View().epoch(), epoch);
}

TEST_F(MembershipTest, DrainedAndWeightlessHostsTakeNoKeys) {
  Have(2);
  members_.Apply(Is("h2", 0), 11);
  members_.Apply(DrainOf("h1"), 12);
  EXPECT_THAT(Placed(), ElementsAre("h0"));
  EXPECT_TRUE(members_.View().hosts(1).has_drain());
  members_.Apply({.name = "h1", .what = NotDrained{}}, 13);
  EXPECT_THAT(Placed(), ElementsAre("h0", "h1"));
}

TEST_F(MembershipTest, AMarkOutlivesItsHost) {
  Have(2);
  members_.Apply(DrainOf("h1"), 11);
  members_.Apply(Left("h1"), 12);
  EXPECT_EQ(members_.View().other_drains().count("h1"), 1);
  members_.Apply(Is("h1"), 13);
  EXPECT_THAT(Placed(), ElementsAre("h0"));
}

TEST_F(MembershipTest, ARestoredViewIsAsItWasAndStale) {
  Have(5);
  members_.Apply(DrainOf("h2"), 11);
  Lose(0, 3);
  const v1::View stored = members_.View();
  Membership next({.fleet = "f", .ttl = kTtl, .lost_grace = kGrace}, clock_);
  next.Restore(stored);
  const v1::View view = next.View();
  EXPECT_EQ(StatesOf(view), StatesOf(stored));
  EXPECT_TRUE(view.has_stale_since());
  EXPECT_EQ(view.epoch(), stored.epoch());
  EXPECT_TRUE(next.is_mass_loss());
  clock_.Advance(10 * kGrace);
  next.Tick();
  EXPECT_EQ(next.View().hosts_size(), 5);
}

TEST_F(MembershipTest, TheVersionChangesWithTheViewOnly) {
  Have(2);
  const auto version = members_.version();
  Pass(absl::Seconds(1));
  EXPECT_EQ(members_.version(), version);
  Lose(0, 1);
  EXPECT_NE(members_.version(), version);
}

TEST_F(MembershipTest, AGoneMessageOfAStrangerChangesNothing) {
  Have(1);
  members_.Apply(Gone("stranger"), 11);
  EXPECT_THAT(States(), ElementsAre(Pair("h0", true)));
}

}  // namespace
}  // namespace percpud::fleet
