// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/area/lease_map.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

// Over every backend: a lease is whole in each.
class AllocatorLeaseTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    Allocator::Options options;
    options.clock = &clock_;
    auto made =
        testing::MakeAllocator({.cpus = 4, .arena_size = pages_.size(), .backend = GetParam()},
                               pages_, std::move(options));
    ASSERT_TRUE(made.ok()) << made.status();
    allocator_ = *std::move(made);
  }
  void TearDown() override {
    EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
        << Inspector(*allocator_).CheckInvariants();
  }

  LeasedChunk MustLease() {
    const auto lease = allocator_->LeaseChunk();
    EXPECT_TRUE(lease.ok()) << lease.status();
    return lease.value_or(LeasedChunk{});
  }
  // The lease's bytes in a unit; its map.
  std::span<std::byte> Unit(const LeasedChunk& lease, std::uint32_t unit) {
    const Bytes at = Bytes(lease.base.value()) + allocator_->info().unit_offset[unit];
    return {pages_.base() + at.value(), lease.unit_size.value()};
  }
  std::span<std::byte> Map(const LeasedChunk& lease) {
    return {pages_.base() + lease.map_base.value(), lease.map_size.value()};
  }
  static bool IsZero(std::span<const std::byte> bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
  }

  testing::FakeClock clock_;
  // Room for the first chunk, two more, and maps.
  testing::HeapPageSource pages_{Bytes(1 << 20)};
  testing::FailingPageSource failing_{pages_};
  std::unique_ptr<Allocator> allocator_;
};

TEST_P(AllocatorLeaseTest, ALeaseIsWholeZeroAndNobodyElses) {
  const LeasedChunk lease = MustLease();
  EXPECT_EQ(lease.unit_size, allocator_->info().unit_size);
  for (std::uint32_t unit = 0; unit < 4; ++unit) EXPECT_TRUE(IsZero(Unit(lease, unit)));
  EXPECT_TRUE(IsZero(Map(lease)));
  EXPECT_GE(lease.map_size.value(), LeaseMap::StorageBytes(ToGranules(lease.unit_size)));
  EXPECT_EQ(Inspector(*allocator_).GetStats().leased_chunks, 1U);
  // Requests go elsewhere, whatever they are.
  for (int i = 0; i < 50; ++i) {
    const auto area = allocator_->Alloc({.size = Bytes(3000)});
    if (!area.ok()) break;
    EXPECT_TRUE(area->value() < lease.base.value() ||
                area->value() >= lease.base.value() + allocator_->info().chunk_size().value());
  }
  const auto resolved = Inspector(*allocator_).Resolve(PercpuPtr(lease.base.value() + 100));
  ASSERT_TRUE(resolved.ok());
  EXPECT_EQ(resolved->owner, Resolution::Owner::kLease);
}

TEST_P(AllocatorLeaseTest, TheNextHolderSeesNothingOfTheLast) {
  const BuddyState before = Inspector(*allocator_).GetBuddy();
  const LeasedChunk first = MustLease();
  for (std::uint32_t unit = 0; unit < 4; ++unit) {
    std::fill(Unit(first, unit).begin(), Unit(first, unit).end(), std::byte{0xa5});
  }
  std::fill(Map(first).begin(), Map(first).end(), std::byte{0x5a});
  ASSERT_TRUE(allocator_->ReturnLease(first.id).ok());
  EXPECT_EQ(allocator_->ReturnLease(first.id).code(), absl::StatusCode::kNotFound);
  const LeasedChunk second = MustLease();
  EXPECT_EQ(second.id, first.id);
  for (std::uint32_t unit = 0; unit < 4; ++unit) EXPECT_TRUE(IsZero(Unit(second, unit)));
  EXPECT_TRUE(IsZero(Map(second)));
  ASSERT_TRUE(allocator_->ReturnLease(second.id).ok());
  // The chunk serves requests again, and so do the map's pages.
  const auto area = allocator_->Alloc({.size = Bytes(60 << 10)});
  ASSERT_TRUE(area.ok()) << area.status();
  ASSERT_TRUE(allocator_->Free(*area).ok());
  clock_.Advance(absl::Hours(1));
  while (allocator_->Balance() < clock_.Now()) {
  }
  EXPECT_GE(
      Inspector(*allocator_).GetBuddy().free_pages + Inspector(*allocator_).footprint().block_pages,
      before.free_pages);
}

// Whichever step fails: the chunk that was made for it goes, too.
TEST_P(AllocatorLeaseTest, AFailedLeaseKeepsNothing) {
  auto made = testing::MakeAllocator(
      {.cpus = 4, .arena_size = pages_.size(), .backend = GetParam()}, failing_, {});
  ASSERT_TRUE(made.ok()) << made.status();
  allocator_ = *std::move(made);
  const std::uint64_t chunks = Inspector(*allocator_).GetStats().nr_chunks;
  const Pages free = Inspector(*allocator_).GetBuddy().free_pages;
  std::uint64_t failures = 0;
  for (std::uint64_t n = 1;; ++n) {
    failing_.FailNth(n);
    if (allocator_->LeaseChunk().ok()) break;
    ++failures;
    EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, chunks);
    EXPECT_EQ(Inspector(*allocator_).GetBuddy().free_pages, free);
    ASSERT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
        << Inspector(*allocator_).CheckInvariants();
  }
  EXPECT_GE(failures, 2U);
  failing_.FailNth(0);
  EXPECT_EQ(Inspector(*allocator_).GetStats().leased_chunks, 1U);
}

TEST_P(AllocatorLeaseTest, AnExhaustedArenaRefusesAndKeepsNothing) {
  std::vector<LeasedChunk> leases;
  absl::Status status;
  Pages free;
  while (status.ok()) {
    free = Inspector(*allocator_).GetBuddy().free_pages;
    const auto lease = allocator_->LeaseChunk();
    status = lease.status();
    if (lease.ok()) leases.push_back(*lease);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Inspector(*allocator_).GetBuddy().free_pages, free);
  EXPECT_GE(leases.size(), 2U);
  EXPECT_EQ(Inspector(*allocator_).GetStats().leased_chunks, leases.size());
  for (const LeasedChunk& lease : leases) EXPECT_TRUE(allocator_->ReturnLease(lease.id).ok());
  EXPECT_EQ(Inspector(*allocator_).GetStats().leased_chunks, 0U);
}

TEST_P(AllocatorLeaseTest, TheMapIsShownAsItsHolderLeftIt) {
  const LeasedChunk lease = MustLease();
  auto empty = Inspector(*allocator_).GetLease(lease.id);
  ASSERT_TRUE(empty.ok());
  // Not formatted yet: the holder has done nothing.
  EXPECT_FALSE(empty->verdict.ok());
  LeaseMap map = LeaseMap::Format(Map(lease), ToGranules(lease.unit_size));
  map.StateAt(8).store(5);  // 20 bytes.
  map.SetLarge({Granules(100), Granules(2000)});
  const auto shown = Inspector(*allocator_).GetLease(lease.id);
  ASSERT_TRUE(shown.ok()) << shown.status();
  ASSERT_TRUE(shown->verdict.ok()) << shown->verdict;
  ASSERT_EQ(shown->areas.size(), 2U);
  EXPECT_EQ(shown->areas[0].offset, Bytes(32));
  EXPECT_EQ(shown->areas[0].size, Bytes(20));
  EXPECT_EQ(shown->areas[1].size, Bytes(8000));
  EXPECT_EQ(shown->live_bytes, Bytes(8020));
}

TEST_P(AllocatorLeaseTest, AScribbledMapMisleadsNobody) {
  const LeasedChunk lease = MustLease();
  std::mt19937 random(7);
  int corrupt = 0;
  for (int round = 0; round < 300; ++round) {
    LeaseMap::Format(Map(lease), ToGranules(lease.unit_size));
    for (int i = 0; i < 40; ++i) {
      Map(lease)[random() % Map(lease).size()] = static_cast<std::byte>(random());
    }
    const auto shown = Inspector(*allocator_).GetLease(lease.id);
    ASSERT_TRUE(shown.ok());
    corrupt += shown->verdict.ok() ? 0 : 1;
    for (const AreaSnapshot& area : shown->areas) {
      ASSERT_LE(area.offset + area.size, lease.unit_size);
    }
  }
  EXPECT_GT(corrupt, 0);
  EXPECT_TRUE(allocator_->ReturnLease(lease.id).ok());
}

TEST_P(AllocatorLeaseTest, AreasOfALeaseAreTouchedAsOneAndFreedByNobody) {
  const LeasedChunk lease = MustLease();
  const PercpuPtr inside(lease.base.value() + 64);
  {
    const auto pin = allocator_->Touch(inside, Bytes(8));
    ASSERT_TRUE(pin.ok()) << pin.status();
    EXPECT_EQ(pin->area(), lease.base);
    EXPECT_EQ(pin->address(UnitId(2)), &Unit(lease, 2)[64]);
  }
  EXPECT_FALSE(allocator_->Touch(inside, lease.unit_size).ok());
  EXPECT_EQ(allocator_->Free(inside).status().code(), absl::StatusCode::kNotFound);
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const absl::string_view name : BackendNames()) names.emplace_back(name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Backends, AllocatorLeaseTest, ::testing::ValuesIn(Names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace percpud
