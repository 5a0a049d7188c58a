// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is granted is in the catalog when it is answered, and comes back from it.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/session/restart_rig.h"

namespace percpud {
namespace {

class SessionsRestartTest : public testing::RestartTest {};

TEST_F(SessionsRestartTest, EverythingComesBackToItsOwner) {
  const OpenedSession a = Open(1);
  const OpenedSession b = Open(2);
  const PercpuPtr kept = *Alloc(CallerOf(a), Bytes(64), "web");
  const PercpuPtr freed = *Alloc(CallerOf(a), Bytes(64));
  const PercpuPtr given = *Alloc(CallerOf(a), Bytes(100));
  const PercpuPtr named = *Alloc(CallerOf(a), Bytes(8));
  const PercpuPtr nobodys = *Alloc(kOperator, Bytes(16));
  ASSERT_TRUE(Free(CallerOf(a), freed).ok());
  ASSERT_TRUE(sessions_->areas().HandOver(CallerOf(a), std::span(&given, 1), b.id).ok());
  ASSERT_TRUE(
      sessions_->variables().Publish(CallerOf(a), named, "hits", VariableType::kCounter).ok());
  ASSERT_TRUE(
      sessions_->variables()
          .Open(CallerOf(b),
                {.name = "made", .type = VariableType::kGauge, .size = Bytes(8), .create = true})
          .ok());
  ASSERT_TRUE(sessions_->variables()
                  .Open(kOperator, {.name = "gone", .size = Bytes(8), .create = true})
                  .ok());
  ASSERT_TRUE(sessions_->variables().Remove(kOperator, "gone").ok());
  const auto lease = sessions_->leases().Lease(CallerOf(a), "");
  const auto cache = sessions_->leases().Lease(CallerOf(b), "cache");
  const auto returned = sessions_->leases().Lease(CallerOf(b), "");
  ASSERT_TRUE(sessions_->leases().Return(CallerOf(b), returned->chunk.id).ok());
  const auto before = sessions_->List(SessionId(0), 10);

  Restart();
  const auto after = sessions_->List(SessionId(0), 10);
  ASSERT_EQ(after.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after[i].id, before[i].id);
    EXPECT_EQ(after[i].use, before[i].use);
    EXPECT_EQ(after[i].spec.command, "shard");
  }
  EXPECT_EQ(OwnerOf(kept), a.id);
  EXPECT_EQ(OwnerOf(given), b.id);
  EXPECT_EQ(OwnerOf(named), kNoSession);
  EXPECT_EQ(OwnerOf(nobodys), kNoSession);
  EXPECT_EQ(Inspector(*allocator_).Resolve(kept)->area.tag, "web");
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 5U);
  const auto variables = sessions_->variables().List("", 10);
  ASSERT_EQ(variables.size(), 2U);
  EXPECT_EQ(variables[0].name, "hits");
  EXPECT_EQ(variables[0].type, VariableType::kCounter);
  EXPECT_EQ(variables[0].pointer, named);
  EXPECT_EQ(variables[1].name, "made");
  const auto leases = Leases();
  ASSERT_EQ(leases.size(), 2U);
  EXPECT_EQ(leases[0].chunk.id, lease->chunk.id);
  EXPECT_EQ(leases[0].holder, a.id);
  EXPECT_EQ(leases[1].name, "cache");
  EXPECT_EQ(leases[1].chunk.map_base, cache->chunk.map_base);
  EXPECT_EQ(Open(3).id.value(), 3U);
}

TEST_F(SessionsRestartTest, TheDeadAreReapedAndTheirKeptLeasesWait) {
  const OpenedSession dead = Open(1);
  const OpenedSession replaced = Open(2);
  const OpenedSession alive = Open(3);
  for (const OpenedSession& session : {dead, replaced, alive}) {
    ASSERT_TRUE(Alloc(CallerOf(session), Bytes(64)).ok());
  }
  ASSERT_TRUE(sessions_->leases().Lease(CallerOf(dead), "cache").ok());
  ASSERT_TRUE(sessions_->leases().Lease(CallerOf(dead), "").ok());
  processes_.erase(1);
  processes_[2] = 999;
  Restart();
  const auto left = sessions_->List(SessionId(0), 10);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].id, alive.id);
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 1U);
  ASSERT_EQ(Leases().size(), 1U);
  EXPECT_EQ(Leases()[0].holder, kNoSession);
  // They are still gone after another start.
  Restart();
  EXPECT_EQ(sessions_->List(SessionId(0), 10).size(), 1U);
  EXPECT_TRUE(sessions_->leases().Lease(CallerOf(alive), "cache")->existed);
}

TEST_F(SessionsRestartTest, ASessionIsResumedByItsProcessInTimeAndOnce) {
  const OpenedSession a = Open(1);
  const OpenedSession late = Open(2);
  EXPECT_TRUE(absl::IsNotFound(sessions_->Resume(a.token, PeerOf(1)).status()));
  Restart();
  EXPECT_TRUE(absl::IsNotFound(sessions_->Resume(a.token, PeerOf(2)).status()));
  EXPECT_TRUE(absl::IsNotFound(sessions_->Resume(Token{}, PeerOf(1)).status()));
  ASSERT_EQ(sessions_->Resume(a.token, PeerOf(1))->id, a.id);
  EXPECT_FALSE(sessions_->Resume(a.token, PeerOf(1)).ok());
  std::size_t reaped = 0;
  for (int second = 0; second < 60; ++second) {
    clock_.Advance(absl::Seconds(1));
    reaped += sessions_->ReapExpired();
  }
  EXPECT_EQ(reaped, 1U);
  EXPECT_TRUE(absl::IsNotFound(sessions_->Resume(late.token, PeerOf(2)).status()));
  EXPECT_EQ(sessions_->List(SessionId(0), 10).size(), 1U);
}

// It ended after the start, and before it came to the door.
TEST_F(SessionsRestartTest, AProcessThatEndsWhileItsSessionWaitsIsNotWaitedFor) {
  const OpenedSession ends = Open(1);
  const OpenedSession stays = Open(2);
  ASSERT_TRUE(Alloc(CallerOf(ends), Bytes(64)).ok());
  Restart();
  EXPECT_EQ(sessions_->ReapExpired(), 0U);
  processes_.erase(1);
  EXPECT_EQ(sessions_->ReapExpired(), 1U);
  EXPECT_FALSE(sessions_->Find(ends.token).has_value());
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0U);
  EXPECT_TRUE(sessions_->Resume(stays.token, PeerOf(2)).ok());
  processes_.erase(2);
  // Its end is its connection's from now on.
  EXPECT_EQ(sessions_->ReapExpired(), 0U);
}

// A process that cannot be seen is not dead: it is in another PID namespace, or hidden by /proc.
TEST_F(SessionsRestartTest, WhoCannotBeSeenWaitsForItsWindow) {
  const auto unseen = sessions_->Open({.kind = SessionKind::kLocalReadWrite,
                                       .peer = Peer{.pid = ProcessId(0), .uid = kAlice},
                                       .command = "container"});
  const OpenedSession hidden = Open(5);
  const OpenedSession silent = Open(6);
  ASSERT_TRUE(unseen.ok());
  for (const OpenedSession& session : {*unseen, hidden, silent}) {
    ASSERT_TRUE(Alloc(CallerOf(session), Bytes(64)).ok());
  }
  hidden_ = {5, 6};
  Restart();
  EXPECT_EQ(sessions_->List(SessionId(0), 10).size(), 3U);
  // Its token and its user are what it is known by.
  const Peer stranger{.pid = ProcessId(0), .uid = UserId(4242)};
  EXPECT_FALSE(sessions_->Resume(unseen->token, stranger).ok());
  EXPECT_TRUE(sessions_->Resume(unseen->token, {.pid = ProcessId(0), .uid = kAlice}).ok());
  EXPECT_FALSE(sessions_->Resume(hidden.token, PeerOf(6)).ok());
  EXPECT_TRUE(sessions_->Resume(hidden.token, PeerOf(5)).ok());
  for (int second = 0; second < 60; ++second) {
    clock_.Advance(absl::Seconds(1));
    sessions_->ReapExpired();
  }
  EXPECT_EQ(sessions_->List(SessionId(0), 10).size(), 2U);
}

TEST_F(SessionsRestartTest, WhatIsChargedWithoutASessionIsChargedAgain) {
  const Caller alice{.role = Role::kClient, .uid = kAlice};
  const Caller host{.role = Role::kClient, .host = "10.0.0.7"};
  const PercpuPtr hers = *Alloc(alice, Bytes(64), "tag");
  const PercpuPtr hosts = *Alloc(host, Bytes(64));
  const auto remote = sessions_->Open({.opener = {.host = "10.0.0.7"}, .ttl = absl::Seconds(30)});
  ASSERT_TRUE(remote.ok());
  Restart();
  SessionLimits limits;
  limits.per_user.areas = 1;
  limits.remote_sessions_per_opener = 1;
  sessions_->SetLimits(limits);
  EXPECT_TRUE(absl::IsResourceExhausted(Alloc(alice, Bytes(8)).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(Alloc(host, Bytes(8)).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(
      sessions_->Open({.opener = {.host = "10.0.0.7"}, .ttl = absl::Seconds(30)}).status()));
  EXPECT_EQ(sessions_->areas().OwnerOf(hosts)->identity.host, "10.0.0.7");
  EXPECT_TRUE(Free(alice, hers).ok());
  EXPECT_TRUE(Alloc(alice, Bytes(8)).ok());
  // A host vouches for nobody: an operator frees what came from it.
  EXPECT_FALSE(Free(host, hosts).ok());
  EXPECT_TRUE(Free(kOperator, hosts).ok());
}

TEST_F(SessionsRestartTest, MemoryInQuarantineStaysThereUntilItsOpenersEnd) {
  const OpenedSession writer = Open(1);
  const OpenedSession other = Open(2);
  const auto opened = sessions_->variables().Open(CallerOf(writer),
                                                  {.name = "v", .size = Bytes(8), .create = true});
  ASSERT_TRUE(opened.ok());
  ASSERT_TRUE(sessions_->variables().Open(CallerOf(other), {.name = "v"}).ok());
  const PercpuPtr area = opened->variable.pointer;
  Restart();
  EXPECT_EQ(sessions_->variables().CountOpeners(area), 2U);
  EXPECT_TRUE(absl::IsFailedPrecondition(sessions_->variables().Remove(kOperator, "v")));
  ASSERT_TRUE(sessions_->variables().Remove(kOperator, "v", true).ok());
  EXPECT_TRUE(sessions_->variables().List("", 10).empty());
  EXPECT_FALSE(Free(kOperator, area).ok());
  sessions_->End(other.id);
  Restart();
  EXPECT_TRUE(sessions_->variables().IsQuarantined(area));
  EXPECT_TRUE(allocator_->CheckArea(area).ok());
  sessions_->End(writer.id);
  EXPECT_FALSE(sessions_->variables().IsQuarantined(area));
  EXPECT_FALSE(allocator_->CheckArea(area).ok());
}

// Nobody is left that had it open: the start frees it.
TEST_F(SessionsRestartTest, MemoryInQuarantineOfTheDeadIsFreed) {
  const OpenedSession writer = Open(1);
  const auto opened = sessions_->variables().Open(CallerOf(writer),
                                                  {.name = "v", .size = Bytes(8), .create = true});
  ASSERT_TRUE(sessions_->variables().Remove(kOperator, "v", true).ok());
  processes_.erase(1);
  Restart();
  EXPECT_FALSE(allocator_->CheckArea(opened->variable.pointer).ok());
  Restart();
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0U);
}

TEST_F(SessionsRestartTest, ARequestThatComesAgainIsAnsweredAgain) {
  const OpenedSession a = Open(1);
  const PercpuPtr first = *Alloc(CallerOf(a, 1), Bytes(64));
  EXPECT_EQ(*Alloc(CallerOf(a, 1), Bytes(64)), first);
  const PercpuPtr second = *Alloc(CallerOf(a, 2), Bytes(64));
  EXPECT_NE(second, first);
  ASSERT_EQ(*Free(CallerOf(a, 3), first), Bytes(64));
  const auto lease = sessions_->leases().Lease(CallerOf(a, 4), "");
  Restart();
  EXPECT_EQ(*Alloc(CallerOf(a, 2), Bytes(64)), second);
  EXPECT_EQ(*Free(CallerOf(a, 3), first), Bytes(64));
  EXPECT_EQ(sessions_->leases().Lease(CallerOf(a, 4), "")->chunk.id, lease->chunk.id);
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 1U);
  // Granted anew meanwhile: the repeated free leaves it alone.
  const PercpuPtr again = *Alloc(CallerOf(a, 5), Bytes(64));
  EXPECT_EQ(again, first);
  EXPECT_TRUE(Free(CallerOf(a, 3), first).ok());
  EXPECT_EQ(OwnerOf(again), a.id);
  // After kKept further requests the answer is forgotten.
  for (std::uint64_t i = 10; i < 10 + Answers::kKept; ++i) {
    ASSERT_TRUE(Free(CallerOf(a, i), *Alloc(CallerOf(a), Bytes(8))).ok());
  }
  EXPECT_TRUE(absl::IsAborted(Alloc(CallerOf(a, 2), Bytes(64)).status()));
}

TEST_F(SessionsRestartTest, AFullCatalogRefusesAndLeavesNothingBehind) {
  const OpenedSession a = Open(1);
  sessions_.reset();
  allocator_.reset();
  catalog_.reset();
  OpenCatalog(Bytes(2 << 20));
  const auto remembered = Remember(*catalog_);
  Make(&remembered->state);
  ASSERT_TRUE(sessions_->Restore(*remembered).ok());
  std::vector<PercpuPtr> granted;
  absl::StatusOr<PercpuPtr> last;
  const std::string tag(120, 'x');
  while ((last = Alloc(CallerOf(a), Bytes(8), tag)).ok()) granted.push_back(*last);
  EXPECT_TRUE(absl::IsResourceExhausted(last.status())) << last.status();
  EXPECT_NE(last.status().message().find("catalog"), std::string::npos) << last.status();
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, granted.size());
  EXPECT_EQ(sessions_->List(a.id, 1)[0].use.areas, granted.size());
  EXPECT_TRUE(absl::IsResourceExhausted(
      sessions_->variables()
          .Open(CallerOf(a), {.name = "v", .size = Bytes(8), .create = true})
          .status()));
  EXPECT_TRUE(sessions_->variables().List("", 10).empty());
  for (const PercpuPtr pointer : granted) ASSERT_TRUE(Free(CallerOf(a), pointer).ok());
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0U);
}

TEST_F(SessionsRestartTest, RandomWorkWithRestartsInBetween) {
  std::mt19937 random(3);
  OpenedSession sessions[3] = {Open(1), Open(2), Open(3)};
  std::map<PercpuPtr, SessionId> model;
  for (int step = 0; step < 3000; ++step) {
    const OpenedSession& session = sessions[random() % 3];
    if (model.empty() || random() % 5 < 3) {
      const auto pointer = Alloc(CallerOf(session), Bytes(1 + random() % 200));
      ASSERT_TRUE(pointer.ok()) << pointer.status();
      ASSERT_TRUE(model.emplace(*pointer, session.id).second) << "granted twice";
    } else {
      auto area = model.begin();
      std::advance(area, random() % model.size());
      ASSERT_TRUE(Free(kOperator, area->first).ok());
      model.erase(area);
    }
    if (step % 500 == 499) {
      Restart();
      EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, model.size());
      for (const auto& [pointer, owner] : model) ASSERT_EQ(OwnerOf(pointer), owner);
    }
  }
}

}  // namespace
}  // namespace percpud
