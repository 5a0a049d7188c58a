// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "server/percpu/layout/topology.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using testing::FakeClock;
using testing::HeapPageSource;

// Over every backend: what is restored does not depend on it.
class AllocatorRestoreTest : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr Bytes kReserved{1024};

  void SetUp() override { Create(); }

  struct Parts {
    std::unique_ptr<const AllocInfo> info;
    StaticLayout statics;
    std::unique_ptr<Backend> backend;
    Allocator::Options options;
  };
  Parts Make() {
    Parts out;
    out.statics = *StaticLayout::Build({}, Bytes(4096));
    out.info = std::make_unique<const AllocInfo>(
        *BuildAllocInfo({.static_size = out.statics.size(),
                         .reserved_size = kReserved,
                         .dyn_size = Bytes((32 << 10) - 4096) - kReserved},
                        *Topology::Uniform(4)));
    out.backend = *MakeBackend(GetParam(), *out.info, pages_, {});
    out.options.clock = &clock_;
    // Keeps what the catalog would.
    out.options.on_chunk = [this](const ChunkEvent& event) {
      if (event.destroyed) {
        chunks_.erase(event.id);
      } else {
        chunks_[event.id] = event.base;
      }
    };
    return out;
  }
  void Create() {
    Parts parts = Make();
    auto made = Allocator::Create(std::move(parts.info), std::move(parts.statics),
                                  std::move(parts.backend), pages_, std::move(parts.options));
    ASSERT_TRUE(made.ok()) << made.status();
    allocator_ = *std::move(made);
  }
  absl::Status Restore(const RestoredState& state) {
    allocator_.reset();
    Parts parts = Make();
    auto made =
        Allocator::Restore(std::move(parts.info), std::move(parts.statics),
                           std::move(parts.backend), pages_, std::move(parts.options), state);
    if (made.ok()) allocator_ = *std::move(made);
    return made.status();
  }

  PercpuPtr MustAlloc(Bytes size, const AllocOptions& options = {}) {
    const auto pointer = allocator_->Alloc({.size = size}, options);
    EXPECT_TRUE(pointer.ok()) << pointer.status();
    areas_[*pointer] = {RoundUp(size, kGranuleSize), std::string(options.tag)};
    return *pointer;
  }
  void Free(PercpuPtr pointer) {
    EXPECT_TRUE(allocator_->Free(pointer).ok());
    areas_.erase(pointer);
  }
  [[nodiscard]] RestoredState State() const {
    RestoredState out;
    for (const auto& [id, base] : chunks_) out.chunks.push_back({id, base});
    for (const auto& [pointer, area] : areas_) {
      out.areas.push_back({pointer, ToGranules(area.size), area.tag});
    }
    out.leases = leases_;
    return out;
  }
  std::byte* At(PercpuPtr pointer, std::uint32_t unit) {
    return pages_.base() + pointer.value() + allocator_->info().unit_offset[unit].value();
  }

  struct Area {
    Bytes size;
    std::string tag;
  };
  HeapPageSource pages_{Bytes(8 << 20)};
  FakeClock clock_;
  std::map<ChunkId, Bytes> chunks_;
  std::map<PercpuPtr, Area> areas_;
  std::vector<RestoredState::Lease> leases_;
  std::unique_ptr<Allocator> allocator_;
};

TEST_P(AllocatorRestoreTest, EverythingIsWhereItWas) {
  std::mt19937 random(7);
  std::vector<PercpuPtr> live;
  for (int i = 0; i < 3000; ++i) {
    if (!live.empty() && random() % 3 == 0) {
      std::swap(live[random() % live.size()], live.back());
      Free(live.back());
      live.pop_back();
    } else {
      live.push_back(MustAlloc(Bytes(1 + random() % 300), {.tag = random() % 4 == 0 ? "web" : ""}));
    }
  }
  MustAlloc(Bytes(64), {.region = Region::kReserved});
  for (const PercpuPtr pointer : live)
    std::memset(At(pointer, 2), 0x5a, areas_[pointer].size.value());
  const auto lease = allocator_->LeaseChunk();
  ASSERT_TRUE(lease.ok()) << lease.status();
  leases_.push_back({lease->id, lease->map_base});
  const Stats before = Inspector(*allocator_).GetStats();

  ASSERT_TRUE(Restore(State()).ok());
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
      << Inspector(*allocator_).CheckInvariants();
  const Stats after = Inspector(*allocator_).GetStats();
  EXPECT_EQ(after.nr_cur_alloc, before.nr_cur_alloc);
  EXPECT_EQ(after.live_bytes, before.live_bytes);
  for (const auto& [pointer, area] : areas_) {
    const auto found = Inspector(*allocator_).Resolve(pointer);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->area.size, area.size);
    EXPECT_EQ(found->area.tag, area.tag);
  }
  EXPECT_TRUE(Inspector(*allocator_).GetLease(lease->id).ok());
  for (const PercpuPtr pointer : live) {
    EXPECT_EQ(*At(pointer, 2), std::byte{0x5a});
    Free(pointer);
  }
  EXPECT_TRUE(allocator_->ReturnLease(lease->id).ok());
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
      << Inspector(*allocator_).CheckInvariants();
}

// What lay in areas that were freed, or in none, is not what the next one sees.
TEST_P(AllocatorRestoreTest, GrantedMemoryIsZeroAfterARestartToo) {
  const PercpuPtr kept = MustAlloc(Bytes(128));
  const PercpuPtr freed = MustAlloc(Bytes(4096));
  for (std::uint32_t unit = 0; unit < 4; ++unit) {
    std::memset(At(freed, unit), 0xff, 4096);
    std::memset(At(kept, unit), 0xee, 128);
  }
  areas_.erase(freed);
  ASSERT_TRUE(Restore(State()).ok());
  const PercpuPtr fresh = MustAlloc(Bytes(8192));
  for (std::uint32_t unit = 0; unit < 4; ++unit) {
    EXPECT_TRUE(std::all_of(At(fresh, unit), At(fresh, unit) + 8192,
                            [](std::byte byte) { return byte == std::byte{0}; }));
    EXPECT_EQ(*At(kept, unit), std::byte{0xee});
  }
}

TEST_P(AllocatorRestoreTest, HalfMadeChunksAreRolledBackAndTheirIdsUsedAgain) {
  std::vector<PercpuPtr> full;
  for (int i = 0; i < 4; ++i) full.push_back(MustAlloc(Bytes(32 << 10)));
  ASSERT_EQ(chunks_.size(), 5U);
  const ChunkId emptied = Inspector(*allocator_).Resolve(full[1])->chunk;
  areas_.erase(full[1]);
  const Pages before = pages_.populated_pages();
  ASSERT_TRUE(Restore(State()).ok());
  EXPECT_EQ(chunks_.size(), 4U);
  EXPECT_FALSE(chunks_.contains(emptied));
  EXPECT_LT(pages_.populated_pages(), before);
  const PercpuPtr again = MustAlloc(Bytes(32 << 10));
  EXPECT_EQ(Inspector(*allocator_).Resolve(again)->chunk, emptied);
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
      << Inspector(*allocator_).CheckInvariants();
}

TEST_P(AllocatorRestoreTest, ContradictionsAreRefused) {
  const PercpuPtr area = MustAlloc(Bytes(64));
  MustAlloc(Bytes(32 << 10));
  const RestoredState good = State();
  const auto refused = [this](const RestoredState& state) {
    const absl::Status status = Restore(state);
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  };
  RestoredState bad = good;
  bad.areas.insert(bad.areas.begin() + 1, {Advance(area, Bytes(8)), Granules(4), ""});
  refused(bad);
  bad = good;
  bad.areas.front().size = Granules(1 << 20);
  refused(bad);
  bad = good;
  bad.areas.front().pointer = PercpuPtr(64);
  refused(bad);
  bad = good;
  bad.areas.push_back({PercpuPtr(7 << 20), Granules(4), ""});
  refused(bad);
  bad = good;
  bad.chunks.erase(bad.chunks.begin());
  refused(bad);
  bad = good;
  bad.chunks.back().base = bad.chunks.front().base + Bytes(4096);
  refused(bad);
  bad = good;
  bad.chunks.back().id = bad.chunks.front().id;
  refused(bad);
  bad = good;
  bad.leases.push_back({bad.chunks.back().id, Bytes(4 << 20)});
  refused(bad);
  EXPECT_TRUE(Restore(good).ok());
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const absl::string_view name : BackendNames()) names.emplace_back(name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Backends, AllocatorRestoreTest, ::testing::ValuesIn(Names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace percpud
