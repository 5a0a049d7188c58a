// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/registration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/fleet/records.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/fleet/fake_etcd.h"

namespace percpud::fleet {
namespace {

using ::testing::HasSubstr;

constexpr char kKey[] = "/percpud/v1/f/hosts/h";
constexpr absl::Duration kTtl = absl::Seconds(9);

v1::HostRecord Record(const std::string& incarnation, const std::string& boot = "boot") {
  v1::HostRecord out;
  out.set_incarnation(incarnation);
  out.set_boot_id(boot);
  out.set_serving(v1::SERVING_UP);
  out.add_addresses("at-" + incarnation);
  return out;
}

class RegistrationTest : public ::testing::Test {
 protected:
  void Register() {
    registration_.SetRecord(Record("mine"));
    registration_.Step();
    ASSERT_TRUE(registration_.state().registered) << registration_.state().problem;
  }
  [[nodiscard]] v1::HostRecord Stored() const {
    const auto found = etcd_.entries.find(kKey);
    if (found == etcd_.entries.end()) return {};
    return *ParseRecord(found->second.stored.value);
  }
  void PutTheirs(const v1::HostRecord& record) { etcd_.Write(kKey, ToJson(record), 0); }

  percpud::testing::FakeClock clock_;
  testing::FakeEtcd etcd_;
  Registration registration_{{.key = kKey, .ttl = kTtl}, etcd_, clock_};
};

TEST_F(RegistrationTest, DoesNothingBeforeThereIsARecord) {
  registration_.Step();
  EXPECT_TRUE(etcd_.leases.empty());
  EXPECT_FALSE(registration_.state().registered);
}

TEST_F(RegistrationTest, PutsTheRecordUnderALease) {
  Register();
  EXPECT_EQ(Stored().incarnation(), "mine");
  EXPECT_EQ(etcd_.entries.at(kKey).lease, etcd_.leases.at(0));
}

TEST_F(RegistrationTest, KeepsTheLeaseAliveThreeTimesInItsLife) {
  Register();
  EXPECT_EQ(registration_.Step(), kTtl / 3);
  EXPECT_EQ(etcd_.kept_alive, 0);
  clock_.Advance(kTtl / 3);
  registration_.Step();
  EXPECT_EQ(etcd_.kept_alive, 1);
  EXPECT_EQ(etcd_.values.size(), 1);
}

TEST_F(RegistrationTest, ALeaseThatIsNoMoreIsGrantedAndTheRecordPutAgainAtOnce) {
  Register();
  etcd_.Expire(etcd_.leases.at(0));
  clock_.Advance(kTtl / 3);
  registration_.Step();
  EXPECT_TRUE(registration_.state().registered);
  EXPECT_EQ(Stored().incarnation(), "mine");
}

TEST_F(RegistrationTest, AnOutageKeepsTheLeaseAndIsTriedAgainSoon) {
  Register();
  clock_.Advance(kTtl / 3);
  etcd_.is_away = true;
  for (int i = 0; i < 20; ++i) {
    const absl::Duration next = registration_.Step();
    EXPECT_GT(next, absl::Milliseconds(50));
    EXPECT_LE(next, kTtl / 3);
  }
  EXPECT_THAT(std::string(registration_.state().problem.message()), HasSubstr("away"));
  etcd_.is_away = false;
  registration_.Step();
  EXPECT_TRUE(registration_.state().problem.ok());
  EXPECT_EQ(etcd_.leases.size(), 1);
}

TEST_F(RegistrationTest, ANewRecordIsPutAndTheSameOneIsNot) {
  Register();
  registration_.SetRecord(Record("mine"));
  registration_.Step();
  EXPECT_EQ(etcd_.values.size(), 1);
  v1::HostRecord down = Record("mine");
  down.set_serving(v1::SERVING_DOWN);
  registration_.SetRecord(down);
  registration_.Step();
  EXPECT_EQ(Stored().serving(), v1::SERVING_DOWN);
}

TEST_F(RegistrationTest, TakesOverARecordOfTheSameIncarnation) {
  PutTheirs(Record("mine", "another boot"));
  Register();
  EXPECT_EQ(Stored().boot_id(), "boot");
}

TEST_F(RegistrationTest, TakesOverARecordOfTheSameBoot) {
  PutTheirs(Record("before"));
  Register();
  EXPECT_EQ(Stored().incarnation(), "mine");
}

TEST_F(RegistrationTest, RefusesAnothersRecordNamesBothAndTriesAgain) {
  PutTheirs(Record("theirs", "elsewhere"));
  registration_.SetRecord(Record("mine"));
  registration_.Step();
  const Registration::State state = registration_.state();
  EXPECT_FALSE(state.registered);
  EXPECT_THAT(std::string(state.problem.message()), HasSubstr("theirs"));
  EXPECT_THAT(std::string(state.problem.message()), HasSubstr("at-mine"));
  EXPECT_EQ(Stored().incarnation(), "theirs");
  etcd_.entries.clear();
  registration_.Step();
  EXPECT_TRUE(registration_.state().registered);
}

TEST_F(RegistrationTest, WhatAnotherCallsItselfIsShownEscaped) {
  PutTheirs(Record("x\nforged line\x1b[2J", "elsewhere"));
  registration_.SetRecord(Record("mine"));
  registration_.Step();
  EXPECT_THAT(std::string(registration_.state().problem.message()),
              HasSubstr("incarnation x\\x0aforged line\\x1b[2J at"));
}

TEST_F(RegistrationTest, RefusesARecordThatNobodyCanRead) {
  etcd_.Write(kKey, "what is this", 0);
  registration_.SetRecord(Record("mine"));
  registration_.Step();
  EXPECT_THAT(std::string(registration_.state().problem.message()), HasSubstr("delete it"));
}

TEST_F(RegistrationTest, TwoAgentsOfOneBootDoNotFight) {
  Register();
  PutTheirs(Record("newer"));
  registration_.SawOwnKey({.is_listing = false,
                           .revision = etcd_.revision,
                           .mod_revision = etcd_.entries.at(kKey).stored.mod_revision});
  registration_.Step();
  EXPECT_FALSE(registration_.state().registered);
  EXPECT_EQ(Stored().incarnation(), "newer");
}

TEST_F(RegistrationTest, ARecordThatSomebodyDeletesIsPutAgain) {
  Register();
  etcd_.entries.clear();
  registration_.SawOwnKey({.is_listing = false, .revision = ++etcd_.revision, .mod_revision = 0});
  registration_.Step();
  EXPECT_EQ(Stored().incarnation(), "mine");
}

TEST_F(RegistrationTest, AnOldEventOfItsOwnChangesNothing) {
  Register();
  registration_.SawOwnKey({.is_listing = false, .revision = 1, .mod_revision = 0});
  registration_.Step();
  EXPECT_EQ(etcd_.values.size(), 1);
}

TEST_F(RegistrationTest, AListingIsBelievedAlsoIfRevisionsWentBack) {
  Register();
  etcd_.entries.clear();
  registration_.SawOwnKey({.is_listing = true, .revision = 1, .mod_revision = 0});
  registration_.Step();
  EXPECT_EQ(Stored().incarnation(), "mine");
  registration_.Step();
  EXPECT_EQ(etcd_.values.size(), 2);
}

TEST_F(RegistrationTest, LeavingIsSaidAndGivesTheLeaseBack) {
  Register();
  registration_.Leave();
  EXPECT_EQ(ParseRecord(etcd_.values.back())->serving(), v1::SERVING_LEFT);
  EXPECT_TRUE(etcd_.entries.empty());
  EXPECT_TRUE(etcd_.leases.empty());
}

}  // namespace
}  // namespace percpud::fleet
