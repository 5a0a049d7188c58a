// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include <string>

#include "server/percpu/introspect/inspector.h"
#include "tests/unit/session/session_rig.h"

namespace percpud {
namespace {

class LeasesTest : public testing::SessionTest {
 protected:
  std::uint64_t Leased() { return Inspector(*allocator_).GetStats().leased_chunks; }
};

TEST_F(LeasesTest, ALeaseNeedsASessionAndEndsWithIt) {
  EXPECT_EQ(sessions_->leases().Lease(kOperator, "").status().code(),
            absl::StatusCode::kFailedPrecondition);
  const OpenedSession session = Open();
  const auto lease = sessions_->leases().Lease(CallerOf(session), "");
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_FALSE(lease->existed);
  EXPECT_EQ(UseOf(session.id), (Usage{.bytes = lease->chunk.unit_size, .leases = 1}));
  EXPECT_EQ(OwnerOf(lease->chunk.base), session.id);
  ASSERT_EQ(Leases().size(), 1U);
  sessions_->End(session.id);
  EXPECT_EQ(Leased(), 0U);
  EXPECT_TRUE(Leases().empty());
}

TEST_F(LeasesTest, OnlyTheHolderReturnsIt) {
  const Caller alice = CallerOf(Open());
  const ChunkId chunk = sessions_->leases().Lease(alice, "")->chunk.id;
  EXPECT_EQ(sessions_->leases().Return(CallerOf(Open(kBob)), chunk).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(sessions_->leases().Return(alice, ChunkId(99)).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(sessions_->leases().Return(alice, chunk).ok());
  EXPECT_EQ(sessions_->leases().Return(alice, chunk).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(UseOf(alice.session), Usage{});
  EXPECT_EQ(Leased(), 0U);
}

TEST_F(LeasesTest, QuotasCountLeases) {
  Restart({.limits = {.per_session = {.leases = 1}}});
  const Caller alice = CallerOf(Open());
  ASSERT_TRUE(sessions_->leases().Lease(alice, "").ok());
  const absl::Status status = sessions_->leases().Lease(alice, "").status();
  EXPECT_EQ(std::string(status.message()),
            "quota: session 1 uses 1 of 1 leases and asks for 1 more");
  EXPECT_EQ(Leased(), 1U);
}

TEST_F(LeasesTest, AKeptLeaseGoesToTheNextOfTheSameUserWhoAsks) {
  const OpenedSession first = Open();
  const auto made = sessions_->leases().Lease(CallerOf(first), "cache");
  ASSERT_TRUE(made.ok()) << made.status();
  const Caller second = CallerOf(Open());
  EXPECT_EQ(sessions_->leases().Lease(second, "cache").status().code(),
            absl::StatusCode::kFailedPrecondition);
  const std::byte mark{0x77};
  std::byte* const bytes = pages_.base() + made->chunk.base.value();
  *bytes = mark;
  sessions_->End(first.id);
  EXPECT_EQ(Leased(), 1U);
  EXPECT_EQ(Leases()[0].holder, kNoSession);
  EXPECT_EQ(sessions_->leases().Lease(CallerOf(Open(kBob)), "cache").status().code(),
            absl::StatusCode::kPermissionDenied);

  const auto taken = sessions_->leases().Lease(second, "cache");
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_TRUE(taken->existed);
  EXPECT_EQ(taken->chunk.id, made->chunk.id);
  EXPECT_EQ(*bytes, mark);
  EXPECT_EQ(UseOf(second.session).leases, 1U);
  EXPECT_TRUE(sessions_->leases().Return(second, taken->chunk.id).ok());
  EXPECT_EQ(Leased(), 0U);
  EXPECT_FALSE(sessions_->leases().Lease(second, "cache")->existed);
}

// Between two holders a kept lease is its maker's: charged to it, and nobody else's to use.
TEST_F(LeasesTest, AKeptLeaseNobodyHoldsIsItsMakers) {
  Restart({.limits = {.per_user = {.leases = 1}}});
  const OpenedSession first = Open();
  const auto made = sessions_->leases().Lease(CallerOf(first), "cache");
  ASSERT_TRUE(made.ok()) << made.status();
  sessions_->End(first.id);
  const Areas& areas = sessions_->areas();
  const Caller bob = CallerOf(Open(kBob));
  const Caller alice = CallerOf(Open());
  const PercpuPtr base = made->chunk.base;
  EXPECT_EQ(areas.CheckUse(Rpc::kWrite, bob, base).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(areas.CheckUse(Rpc::kAdd, {.role = Role::kClient}, base).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(areas.CheckUse(Rpc::kWrite, alice, base).ok());
  EXPECT_EQ(sessions_->leases().Lease(alice, "").status().code(),
            absl::StatusCode::kResourceExhausted);
  // It is charged once, no matter which of her sessions has it.
  EXPECT_TRUE(sessions_->leases().Lease(alice, "cache").ok());
  sessions_->End(alice.session);
  EXPECT_FALSE(sessions_->leases().Return(bob, made->chunk.id).ok());
  EXPECT_TRUE(
      sessions_->leases().Return({.role = Role::kClient, .uid = kAlice}, made->chunk.id).ok());
  EXPECT_EQ(Leased(), 0U);
}

TEST_F(LeasesTest, WhoeverHasNoUserKeepsNoLease) {
  const auto remote = sessions_->Open({.opener = {.host = "10.0.0.7"}, .ttl = absl::Seconds(30)});
  const absl::Status refused = sessions_->leases().Lease(CallerOf(*remote), "cache").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(sessions_->leases().Lease(CallerOf(*remote), "").ok());
}

// A chunk's number is used again: an old request is not answered with another's lease.
TEST_F(LeasesTest, AnOldRequestIsNotAnsweredWithAnothersLease) {
  const OpenedSession session = Open();
  Caller first = CallerOf(session);
  first.request = RequestId(1);
  const auto old = sessions_->leases().Lease(first, "");
  ASSERT_TRUE(sessions_->leases().Return(CallerOf(session), old->chunk.id).ok());
  const auto bobs = sessions_->leases().Lease(CallerOf(Open(kBob)), "");
  ASSERT_EQ(bobs->chunk.id, old->chunk.id);
  EXPECT_EQ(sessions_->leases().Lease(first, "").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(LeasesTest, AnExhaustedArenaChargesNothing) {
  const Caller alice = CallerOf(Open());
  absl::Status status;
  std::uint64_t had = 0;
  while (status.ok()) {
    status = sessions_->leases().Lease(alice, "").status();
    had += status.ok() ? 1 : 0;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(UseOf(alice.session).leases, had);
}

}  // namespace
}  // namespace percpud
