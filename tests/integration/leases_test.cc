// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Heaps in leased chunks of the real daemon: allocated in by processes that are
// killed, scribbled over, and opened again.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "percpu/session.h"
#include "tests/integration/children.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

class LeasesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto daemon = percpud::testing::StartDaemon(dir_);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_ = std::make_unique<percpud::testing::RunningDaemon>(*std::move(daemon));
    operator_ = MakeGrpcConnection(daemon_->address, {});
  }

  std::unique_ptr<Session> Open() {
    auto session = Session::Open(daemon_->address);
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }
  std::vector<LeaseInfo> Leases() {
    auto leases = operator_->ListLeases();
    EXPECT_TRUE(leases.ok()) << leases.status();
    return leases.ok() ? *std::move(leases) : std::vector<LeaseInfo>();
  }
  [[nodiscard]] bool AwaitLeases(std::size_t count) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (Leases().size() != count) {
      if (absl::Now() > deadline) return false;
    }
    return true;
  }

  percpud::testing::TempDir dir_;
  std::unique_ptr<percpud::testing::RunningDaemon> daemon_;
  std::shared_ptr<Connection> operator_;
};

TEST_F(LeasesTest, AHeapServesFromItsChunksAndTheDaemonShowsIt) {
  const auto session = Open();
  auto heap = session->NewHeap();
  ASSERT_TRUE(heap.ok()) << heap.status();
  std::set<std::uint64_t> pointers;
  for (int i = 0; i < 1000; ++i) {
    const auto pointer = (*heap)->Allocate(64);
    ASSERT_TRUE(pointer.ok()) << pointer.status();
    session->At<std::uint64_t>(*pointer).Add(7);
    pointers.insert(Value(*pointer));
  }
  EXPECT_EQ(pointers.size(), 1000U);
  std::uint64_t live = 0;
  for (const LeaseInfo& lease : Leases()) {
    EXPECT_EQ(lease.map_fault, "");
    EXPECT_EQ(lease.session, *session->id());
    live += lease.live_areas;
  }
  EXPECT_EQ(live, 1000U);
  // The daemon reads what the process wrote, through its own checks.
  EXPECT_EQ(operator_->Sum(Pointer{*pointers.begin()}, Width::k64).value_or(0), 7);
  for (const std::uint64_t pointer : pointers) {
    ASSERT_TRUE((*heap)->Free(Pointer{pointer}).ok());
  }
  EXPECT_FALSE((*heap)->Free(Pointer{*pointers.begin()}).ok());
  heap->reset();
  EXPECT_TRUE(AwaitLeases(0));
}

TEST_F(LeasesTest, AKilledHoldersChunksComeBackZeroed) {
  const testing::Pipe ready;
  testing::Child victim([&] {
    const auto session = Open();
    auto heap = *session->NewHeap();
    for (int i = 0; i < 500; ++i) {
      const auto pointer = heap->Allocate(256);
      if (!pointer.ok()) return 1;
      std::memset(session->mapping().base + Value(*pointer), 0xa5, 256);
    }
    ready.Put(1);
    pause();
    return 0;
  });
  ASSERT_EQ(ready.Get(), 1U);
  EXPECT_FALSE(Leases().empty());
  victim.Kill();
  EXPECT_TRUE(AwaitLeases(0));
  const auto session = Open();
  auto heap = *session->NewHeap();
  for (int i = 0; i < 500; ++i) {
    const auto pointer = heap->Allocate(256, 8, Zeroing::kAsItIs);
    ASSERT_TRUE(pointer.ok()) << pointer.status();
    const std::byte* bytes = session->mapping().base + Value(*pointer);
    for (int at = 0; at < 256; ++at) ASSERT_EQ(bytes[at], std::byte{0});
  }
}

// The shard's cache: killed, opened again by name, everything is there.
TEST_F(LeasesTest, AKeptHeapIsWarmAfterItsHolderWasKilled) {
  const testing::Pipe told;
  testing::Child first([&] {
    const auto session = Open();
    auto kept = session->OpenKeptHeap("shard-0/cache");
    if (!kept.ok() || kept->adoption.is_warm) return 1;
    const auto root = kept->heap->Allocate(128);
    if (!root.ok() || !kept->heap->SetRoot(*root).ok()) return 2;
    session->At<std::uint64_t>(*root).Add(12345);
    const auto garbage = kept->heap->Allocate(64);
    if (!garbage.ok() || !kept->heap->Free(*garbage).ok()) return 3;
    told.Put(Value(*root));
    pause();
    return 0;
  });
  const std::uint64_t root = told.Get();
  ASSERT_NE(root, 0U);
  // Held: nobody else gets it.
  const auto session = Open();
  EXPECT_EQ(session->OpenKeptHeap("shard-0/cache").status().code(),
            absl::StatusCode::kFailedPrecondition);
  first.Kill();
  const absl::Time deadline = absl::Now() + kPatience;
  auto kept = session->OpenKeptHeap("shard-0/cache");
  while (!kept.ok() && absl::Now() < deadline) kept = session->OpenKeptHeap("shard-0/cache");
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_TRUE(kept->adoption.is_warm) << kept->adoption.reason;
  EXPECT_EQ(Value(kept->adoption.root), root);
  // What sat in a magazine does not live.
  ASSERT_EQ(kept->adoption.live.size(), 1U);
  EXPECT_EQ(kept->adoption.live[0].size_bytes, 128U);
  EXPECT_EQ(session->At<std::uint64_t>(kept->adoption.root).Sum(), 12345U);
}

TEST_F(LeasesTest, AScribbledMapIsCalledCorruptAndComesBackCold) {
  auto session = Open();
  auto kept = session->OpenKeptHeap("cache");
  ASSERT_TRUE(kept.ok()) << kept.status();
  const ChunkId chunk = Leases()[0].chunk;
  // The map lies in pages of the arena that this process may write.
  ASSERT_EQ(operator_->ListLeaseAreas(chunk)->lease.map_fault, "");
  auto* const base = session->mapping().base;
  const std::uint64_t magic = percpud::abi::v1::kLeaseMagic;
  std::byte* map = nullptr;
  for (std::uint64_t at = 0; at < (256U << 20) && map == nullptr; at += 4096) {
    if (std::memcmp(base + at, &magic, sizeof(magic)) == 0) map = base + at;
  }
  ASSERT_NE(map, nullptr);
  std::mt19937 random(3);
  for (int i = 0; i < 4000; ++i) map[random() % 16384] = static_cast<std::byte>(random());
  EXPECT_NE(operator_->ListLeaseAreas(chunk)->lease.map_fault, "");
  // The daemon is unimpressed.
  EXPECT_TRUE(operator_->Ping().ok());
  kept->heap.reset();
  session.reset();
  const auto next = Open();
  const absl::Time deadline = absl::Now() + kPatience;
  auto again = next->OpenKeptHeap("cache");
  while (!again.ok() && absl::Now() < deadline) again = next->OpenKeptHeap("cache");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->adoption.is_warm);
  EXPECT_FALSE(again->adoption.reason.ok());
  EXPECT_TRUE(again->heap->Allocate(64).ok());
}

}  // namespace
}  // namespace percpu
