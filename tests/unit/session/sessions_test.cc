// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "server/percpu/introspect/inspector.h"
#include "tests/unit/session/session_rig.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;

class SessionsTest : public testing::SessionTest {};

TEST_F(SessionsTest, ATokenStandsForItsSessionUntilThatEnds) {
  const OpenedSession session = Open();
  const Caller caller = CallerOf(session);
  EXPECT_EQ(caller.session, session.id);
  EXPECT_EQ(caller.role, Role::kClient);
  EXPECT_EQ(caller.uid, kAlice);
  EXPECT_TRUE(sessions_->End(session.id));
  EXPECT_FALSE(sessions_->Find(session.token).has_value());
  EXPECT_FALSE(sessions_->End(session.id));
  EXPECT_EQ(sessions_->CheckLive(caller).code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(SessionsTest, RealTokensDiffer) {
  EXPECT_NE(Sessions::RandomToken(), Sessions::RandomToken());
}

TEST_F(SessionsTest, WhatASessionOwnsIsTakenBackWhenItEnds) {
  const OpenedSession session = Open();
  const Caller caller = CallerOf(session);
  for (int i = 0; i < 1000; ++i) MustAlloc(caller, Bytes(32));
  EXPECT_EQ(UseOf(session.id), (Usage{.bytes = Bytes(32000), .areas = 1000}));
  EXPECT_EQ(LiveAreas(), 1000U);
  sessions_->End(session.id);
  EXPECT_EQ(LiveAreas(), 0U);
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
      << Inspector(*allocator_).CheckInvariants();
}

TEST_F(SessionsTest, AnEndedSessionGetsNothing) {
  const OpenedSession session = Open();
  const Caller caller = CallerOf(session);
  sessions_->End(session.id);
  EXPECT_EQ(Alloc(caller, Bytes(8)).status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(SessionsTest, OnlyTheOwnerAndOperatorsFree) {
  const Caller alice = CallerOf(Open());
  const Caller bob = CallerOf(Open(kBob));
  const PercpuPtr hers = MustAlloc(alice, Bytes(8));
  const PercpuPtr nobodys = MustAlloc(kOperator, Bytes(8));

  absl::Status status = Free(bob, {hers});
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("session 1's"));
  EXPECT_EQ(Free(bob, {nobodys}).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(LiveAreas(), 2U);

  EXPECT_TRUE(Free(alice, {hers}).ok());
  EXPECT_TRUE(Free(kOperator, {nobodys}).ok());
  const PercpuPtr again = MustAlloc(alice, Bytes(8));
  EXPECT_TRUE(Free(kOperator, {again}).ok());
  EXPECT_EQ(UseOf(alice.session), Usage{});
}

// A pointer that was freed before may have been granted to a session since.
TEST_F(SessionsTest, AnOperatorMaySpareSessions) {
  const OpenedSession session = Open();
  const PercpuPtr owned = MustAlloc(CallerOf(session), Bytes(8));
  const PercpuPtr nobodys = MustAlloc(kOperator, Bytes(8));
  constexpr auto kSparing = Areas::Reach::kNoOthersSession;
  const std::vector<PercpuPtr> both = {nobodys, owned};
  const absl::Status refused = sessions_->areas().FreeBatch(kOperator, both, kSparing).status();
  EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
  EXPECT_EQ(LiveAreas(), 2U);
  EXPECT_TRUE(sessions_->areas().FreeBatch(kOperator, {&nobodys, 1}, kSparing).ok());
  // It may free its own, and an operator that does not spare it may.
  const PercpuPtr second = MustAlloc(CallerOf(session), Bytes(8));
  EXPECT_TRUE(sessions_->areas().FreeBatch(CallerOf(session), {&owned, 1}, kSparing).ok());
  EXPECT_TRUE(Free(kOperator, {second}).ok());
  ExpectSound();
}

TEST_F(SessionsTest, ABadFreeIsNamedByTheAllocatorAndChangesNothing) {
  const Caller alice = CallerOf(Open());
  const PercpuPtr area = MustAlloc(alice, Bytes(64));
  EXPECT_EQ(Free(alice, {PercpuPtr(area.value() + 4)}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Free(alice, {PercpuPtr(pages_.size().value())}).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Free(alice, {area, area}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Free(alice, {}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OwnerOf(area), alice.session);
  EXPECT_EQ(UseOf(alice.session), (Usage{.bytes = Bytes(64), .areas = 1}));
  EXPECT_TRUE(Free(alice, {area}).ok());
  EXPECT_EQ(Free(alice, {area}).code(), absl::StatusCode::kNotFound);
}

TEST_F(SessionsTest, QuotasHoldPerSessionAndPerUser) {
  Restart({.limits = {.per_session = {.bytes = Bytes(100)}, .per_user = {.areas = 3}}});
  const Caller first = CallerOf(Open());
  const Caller second = CallerOf(Open());
  const Caller bob = CallerOf(Open(kBob));
  const PercpuPtr area = MustAlloc(first, Bytes(64));
  absl::Status status = Alloc(first, Bytes(40)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(std::string(status.message()),
            "quota: session 1 uses 64 of 100 bytes and asks for 40 more");
  MustAlloc(second, Bytes(8));
  MustAlloc(second, Bytes(8));
  status = Alloc(second, Bytes(8)).status();
  EXPECT_EQ(std::string(status.message()), "quota: uid 1000 uses 3 of 3 areas and asks for 1 more");
  MustAlloc(bob, Bytes(8));
  EXPECT_EQ(sessions_->quota_refusals(), 2U);
  // What is given back can be had again.
  EXPECT_TRUE(Free(first, {area}).ok());
  MustAlloc(second, Bytes(8));
  EXPECT_EQ(UseOf(second.session), (Usage{.bytes = Bytes(24), .areas = 3}));
}

TEST_F(SessionsTest, LimitsMayChangeUnderASession) {
  const Caller caller = CallerOf(Open());
  const PercpuPtr area = MustAlloc(caller, Bytes(64));
  sessions_->SetLimits({.per_session = {.areas = 0}, .sessions = 1});
  EXPECT_EQ(Alloc(caller, Bytes(8)).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(sessions_->Open({}).ok());
  EXPECT_TRUE(Free(caller, {area}).ok());
  sessions_->SetLimits({});
  MustAlloc(caller, Bytes(8));
  Open();
}

TEST_F(SessionsTest, WhatAnEndedSessionHeldIsNoLongerItsUsers) {
  Restart({.limits = {.per_user = {.areas = 3}}});
  const Caller stays = CallerOf(Open());
  for (int i = 0; i < 5; ++i) {
    const OpenedSession ends = Open();
    for (int area = 0; area < 3; ++area) MustAlloc(CallerOf(ends), Bytes(8));
    EXPECT_FALSE(Alloc(stays, Bytes(8)).ok());
    EXPECT_TRUE(sessions_->End(ends.id));
  }
  for (int area = 0; area < 3; ++area) MustAlloc(stays, Bytes(8));
}

TEST_F(SessionsTest, AFailedAllocIsNotCharged) {
  const Caller alice = CallerOf(Open());
  EXPECT_FALSE(Alloc(alice, Bytes(0)).ok());
  EXPECT_FALSE(Alloc(alice, Bytes::Max()).ok());
  EXPECT_EQ(UseOf(alice.session), Usage{});
  // More than the arena holds.
  std::vector<AreaSpec> specs(100, {.size = Bytes(60 << 10)});
  std::vector<PercpuPtr> out(specs.size());
  EXPECT_EQ(sessions_->areas().AllocBatch(alice, specs, {}, out).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(UseOf(alice.session), Usage{});
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(SessionsTest, SessionsAreCountedPerUserAndInAll) {
  Restart({.limits = {.sessions_per_user = 2, .sessions = 3}});
  const OpenedSession first = Open();
  Open();
  const SessionSpec third{.kind = SessionKind::kLocalReadWrite, .peer = Peer{.uid = kAlice}};
  EXPECT_EQ(sessions_->Open(third).status().code(), absl::StatusCode::kResourceExhausted);
  Open(kBob);
  EXPECT_EQ(sessions_->Open({}).status().code(), absl::StatusCode::kResourceExhausted);
  sessions_->End(first.id);
  EXPECT_TRUE(sessions_->Open(third).ok());
}

TEST_F(SessionsTest, AreasAreHandedOverWholly) {
  Restart({.limits = {.per_session = {.areas = 2}}});
  const Caller giver = CallerOf(Open());
  const Caller taker = CallerOf(Open(kBob));
  const std::vector<PercpuPtr> areas{MustAlloc(giver, Bytes(8)), MustAlloc(giver, Bytes(16))};
  const PercpuPtr takers = MustAlloc(taker, Bytes(8));

  EXPECT_EQ(sessions_->areas().HandOver(taker, areas, taker.session).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(sessions_->areas().HandOver(giver, areas, SessionId(99)).code(),
            absl::StatusCode::kNotFound);
  // Another user's session is asked first.
  EXPECT_EQ(sessions_->areas().HandOver(giver, areas, taker.session).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(sessions_->areas().AcceptHandOvers(taker, SessionId(99)).code(),
            absl::StatusCode::kNotFound);
  ASSERT_TRUE(sessions_->areas().AcceptHandOvers(taker, giver.session).ok());
  EXPECT_EQ(sessions_->areas().HandOver(giver, areas, taker.session).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(UseOf(giver.session).areas, 2U);
  EXPECT_TRUE(Free(taker, {takers}).ok());
  EXPECT_TRUE(sessions_->areas().HandOver(giver, areas, taker.session).ok());
  EXPECT_EQ(UseOf(giver.session), Usage{});
  EXPECT_EQ(UseOf(taker.session), (Usage{.bytes = Bytes(24), .areas = 2}));
  // The giver's end takes nothing along.
  sessions_->End(giver.session);
  EXPECT_EQ(LiveAreas(), 2U);
  EXPECT_TRUE(Free(taker, areas).ok());
}

TEST_F(SessionsTest, ARemoteSessionLivesAsLongAsItIsRenewed) {
  const auto opened = sessions_->Open({.ttl = absl::Seconds(10)});
  const OpenedSession local = Open();
  ASSERT_TRUE(opened.ok());
  const Caller caller = CallerOf(*opened);
  MustAlloc(caller, Bytes(8));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Pass(absl::Seconds(9)), 0U);
    EXPECT_TRUE(sessions_->CheckLive(caller).ok());
  }
  EXPECT_EQ(Pass(absl::Seconds(10)), 1U);
  EXPECT_FALSE(sessions_->Find(opened->token).has_value());
  EXPECT_TRUE(sessions_->Find(local.token).has_value());
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(SessionsTest, TheListSaysWhoAndHowMuch) {
  const OpenedSession first = Open();
  clock_.Advance(absl::Seconds(5));
  Open(kBob, SessionKind::kLocalReadOnly);
  MustAlloc(CallerOf(first), Bytes(12));
  const auto all = sessions_->List(SessionId(0), 10);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].id, first.id);
  EXPECT_EQ(all[0].age, absl::Seconds(5));
  EXPECT_EQ(WithoutRecords(all[0].use), (Usage{.bytes = Bytes(12), .areas = 1}));
  EXPECT_EQ(all[0].spec.command, "shard");
  EXPECT_EQ(all[1].spec.kind, SessionKind::kLocalReadOnly);
  EXPECT_EQ(sessions_->List(all[1].id, 10).size(), 1U);
  EXPECT_EQ(sessions_->List(SessionId(0), 1).size(), 1U);
}

// What is made without a session is charged to who makes it, who may free it.
TEST_F(SessionsTest, WithoutASessionOneHasAQuotaToo) {
  Restart({.limits = {.per_session = {.areas = 2}, .per_user = {.areas = 3}}});
  const Caller alice{.role = Role::kClient, .uid = kAlice};
  const PercpuPtr first = MustAlloc(alice, Bytes(8));
  const PercpuPtr second = MustAlloc(alice, Bytes(8));
  EXPECT_EQ(std::string(Alloc(alice, Bytes(8)).status().message()),
            "quota: uid 1000 uses 2 of 2 areas and asks for 1 more");
  const Caller session = CallerOf(Open());
  const PercpuPtr third = MustAlloc(session, Bytes(8));
  EXPECT_FALSE(Alloc(session, Bytes(8)).ok());
  const Caller bob{.role = Role::kClient, .uid = kBob};
  EXPECT_EQ(Free(bob, {first}).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(sessions_->areas().CheckUse(Rpc::kWrite, bob, first).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(sessions_->areas().CheckUse(Rpc::kWrite, session, first).ok());
  EXPECT_TRUE(Free(alice, {first}).ok());
  EXPECT_TRUE(Free(session, {second, third}).ok());
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(SessionsTest, WhatIsRefusedMadeNothingGrow) {
  Restart({.limits = {.per_user = {.bytes = Bytes(1024)}}});
  const std::uint64_t chunks = Inspector(*allocator_).GetStats().nr_chunks;
  const std::vector<AreaSpec> specs(20, {.size = Bytes(30 << 10)});
  std::vector<PercpuPtr> out(specs.size());
  EXPECT_EQ(sessions_->areas().AllocBatch({.role = Role::kClient}, specs, {}, out).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, chunks);
}

TEST_F(SessionsTest, TagsAreCharged) {
  Restart({.limits = {.per_user = {.records = Bytes(1000)}}});
  const Caller alice{.role = Role::kClient, .uid = kAlice};
  const std::string tag(120, 't');
  const AreaSpec spec{.size = Bytes(4)};
  PercpuPtr pointer;
  int granted = 0;
  absl::Status status;
  while ((status = sessions_->areas().AllocBatch(alice, std::span(&spec, 1), {.tag = tag},
                                                 std::span(&pointer, 1)))
             .ok()) {
    ++granted;
  }
  EXPECT_THAT(std::string(status.message()), HasSubstr("of 1000 bytes of the catalog"));
  EXPECT_EQ(granted, 5);
}

// A daemon that was stopped hears of no renewal: it gives everybody the time it missed.
TEST_F(SessionsTest, ADaemonThatWasStoppedReapsNobodyForIt) {
  const auto opened = sessions_->Open({.ttl = absl::Seconds(10)});
  EXPECT_EQ(Pass(absl::Seconds(5)), 0U);
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(sessions_->ReapExpired(), 0U);
  EXPECT_EQ(Pass(absl::Seconds(2)), 0U);
  EXPECT_TRUE(sessions_->Find(opened->token).has_value());
  EXPECT_EQ(Pass(absl::Seconds(11)), 1U);
}

TEST_F(SessionsTest, EndsAreToldOnceEach) {
  std::vector<SessionId> ended;
  sessions_->set_ended([&](SessionId id) { ended.push_back(id); });
  const OpenedSession session = Open();
  sessions_->End(session.id);
  sessions_->End(session.id);
  EXPECT_EQ(ended, std::vector{session.id});
}

// Sessions end while their calls are under way: whatever the order, nothing is
// left over.
TEST_F(SessionsTest, EndingUnderLoadLeaksNothing) {
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    const OpenedSession session = Open();
    const Caller caller = CallerOf(session);
    std::atomic<bool> started = false;
    std::thread load([&] {
      while (true) {
        const auto area = Alloc(caller, Bytes(16));
        started = true;
        if (!area.ok()) return;
        const auto kept = Alloc(caller, Bytes(16));
        if (!Free(caller, {*area}).ok() || !kept.ok()) return;
      }
    });
    while (!started) std::this_thread::yield();
    sessions_->End(session.id);
    load.join();
    ASSERT_EQ(LiveAreas(), 0U) << "round " << round;
  }
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
      << Inspector(*allocator_).CheckInvariants();
}

TEST_F(SessionsTest, AnOpenerHasSoManyRemoteSessions) {
  Restart({.limits = {.remote_sessions_per_opener = 2}});
  const auto open = [&](const std::string& opener) {
    return sessions_->Open(
        {.kind = SessionKind::kRemote, .opener = {.host = opener}, .ttl = absl::Seconds(1)});
  };
  const auto first = open("10.0.0.7");
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(open("10.0.0.7").ok());
  const absl::Status refused = open("10.0.0.7").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(),
            "quotas.remote_sessions_per_opener: 10.0.0.7 has 2 remote sessions, the limit");
  EXPECT_EQ(sessions_->quota_refusals(), 1U);
  EXPECT_TRUE(open("10.0.0.8").ok());
  // A caller with neither user nor host is in this process.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(open("").ok());
  sessions_->End(first->id);
  EXPECT_TRUE(open("10.0.0.7").ok());
  Pass(absl::Seconds(2));
  EXPECT_TRUE(open("10.0.0.7").ok() && open("10.0.0.7").ok());
}

}  // namespace
}  // namespace percpud
