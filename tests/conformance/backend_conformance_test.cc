// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What every backend promises (server/percpu/backend/backend.h), run for every
// name that MakeBackend takes and for the tests' own.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/arena/arena.h"
#include "server/percpu/backend/backend.h"
#include "tests/conformance/backends.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using testing::BackendsUnderTest;
using testing::FailingPageSource;
using testing::MakeBackendUnderTest;

class BackendConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { Make(6, Bytes(64 << 10), Bytes(8 << 20)); }

  void Make(std::uint32_t cpus, Bytes unit_size, Bytes arena_size,
            const BackendOptions& options = {}) {
    backend_.reset();
    arena_ = *Arena::Create({.size = arena_size});
    const AllocSizes sizes{
        .static_size = Bytes(4096), .reserved_size = Bytes(0), .dyn_size = unit_size - Bytes(4096)};
    info_ = *BuildAllocInfo(sizes, *Topology::Uniform(cpus));
    pages_ = std::make_unique<FailingPageSource>(*arena_);
    backend_ = *MakeBackendUnderTest(GetParam(), info_, *pages_, options);
    ASSERT_TRUE(backend_->VerifyAllocInfo().ok());
  }

  BlockRange AllBlocks() const {
    return {0, static_cast<std::uint32_t>(info_.unit_size / kBasePageSize)};
  }

  absl::StatusOr<ChunkMemory> CreatePopulated() {
    auto memory = backend_->CreateChunk();
    if (!memory.ok() || backend_->populates_at_creation()) return memory;
    if (auto status = backend_->PopulateChunk(*memory, AllBlocks()); !status.ok()) {
      backend_->DestroyChunk(*memory);
      return status;
    }
    return memory;
  }

  std::byte* UnitBytes(const ChunkMemory& memory, std::uint32_t unit) const {
    return arena_->base() + (memory.base + info_.unit_offset[unit]).value();
  }

  std::unique_ptr<Arena> arena_;
  AllocInfo info_;
  std::unique_ptr<FailingPageSource> pages_;
  std::unique_ptr<Backend> backend_;
};

TEST_P(BackendConformance, KnowsItsName) { EXPECT_EQ(backend_->name(), GetParam()); }

// For it is the first chunk, and what it begins with is never granted: 0 is no pointer.
TEST_P(BackendConformance, TheFirstChunkBeginsTheArena) {
  Make(5, Bytes(128 << 10), Bytes(5 << 20));
  EXPECT_EQ(CreatePopulated()->base, Bytes(0));
}

TEST_P(BackendConformance, ChunksLieApartInTheArenaOnPageBounds) {
  std::vector<ChunkMemory> chunks;
  for (auto memory = CreatePopulated(); memory.ok(); memory = CreatePopulated()) {
    EXPECT_EQ(memory->base % kBasePageSize, Bytes(0));
    EXPECT_EQ(memory->first_page.value(), memory->base / arena_->page_size());
    EXPECT_LE(memory->base + info_.chunk_size(), arena_->size());
    EXPECT_EQ(memory->pages, ToPages(info_.chunk_size(), arena_->page_size()));
    for (const ChunkMemory& other : chunks) {
      EXPECT_TRUE(memory->base + info_.chunk_size() <= other.base ||
                  other.base + info_.chunk_size() <= memory->base);
    }
    chunks.push_back(*memory);
  }
  EXPECT_GE(chunks.size(), 8u);
  for (const ChunkMemory& memory : chunks) backend_->DestroyChunk(memory);
  const BuddyState buddy = backend_->Buddy();
  EXPECT_EQ(buddy.free_pages, buddy.total_pages);
}

// Five units end in the middle of a block, and a tail that is given back lies behind.
TEST_P(BackendConformance, NoFrameHoldsBytesOfTwoChunks) {
  for (const bool return_tail : {false, true}) {
    Make(5, Bytes(64 << 10), Bytes(8 << 20), {.return_tail = return_tail});
    const Bytes frame = backend_->frame_size();
    ASSERT_TRUE(std::has_single_bit(frame.value()));
    ASSERT_GE(frame, arena_->page_size());
    std::set<std::uint64_t> taken;
    for (auto memory = CreatePopulated(); memory.ok(); memory = CreatePopulated()) {
      const Bytes last = memory->base + ToBytes(memory->pages, arena_->page_size()) - Bytes(1);
      for (std::uint64_t at = memory->base / frame; at <= last / frame; ++at) {
        EXPECT_TRUE(taken.insert(at).second) << "frame " << at << ", tail returned " << return_tail;
      }
    }
    EXPECT_GE(taken.size(), 8U);
  }
}

TEST_P(BackendConformance, PopulatedMemoryIsZeroAndWritableInEveryUnit) {
  // Twice: the second chunk reuses what the first one dirtied.
  for (int round = 0; round < 2; ++round) {
    const auto memory = CreatePopulated();
    ASSERT_TRUE(memory.ok());
    for (std::uint32_t unit = 0; unit < info_.units(); ++unit) {
      std::byte* bytes = UnitBytes(*memory, unit);
      EXPECT_TRUE(std::all_of(bytes, bytes + info_.unit_size.value(),
                              [](std::byte b) { return b == std::byte{0}; }));
      std::memset(bytes, 0xa5, info_.unit_size.value());
    }
    backend_->DestroyChunk(*memory);
  }
}

TEST_P(BackendConformance, UnitsTakeEveryPageOfTheChunkAndNoOther) {
  const auto memory = CreatePopulated();
  ASSERT_TRUE(memory.ok());
  std::set<std::uint64_t> pages;
  for (std::uint32_t unit = 0; unit < info_.units(); ++unit) {
    for (Bytes at; at < info_.unit_size; at += kBasePageSize) {
      pages.insert((memory->base + info_.unit_offset[unit] + at) / arena_->page_size());
    }
  }
  EXPECT_EQ(pages.size(), memory->pages.value());
  EXPECT_EQ(*pages.begin(), memory->base / arena_->page_size());
}

TEST_P(BackendConformance, AFailedPopulateKeepsNothingWhicheverItIs) {
  const BuddyState before = backend_->Buddy();
  std::uint64_t failures = 0;
  for (std::uint64_t n = 1;; ++n) {
    pages_->FailNth(n);
    const auto memory = CreatePopulated();
    if (memory.ok()) {
      backend_->DestroyChunk(*memory);
      break;
    }
    ++failures;
    EXPECT_TRUE(absl::IsResourceExhausted(memory.status())) << memory.status();
    EXPECT_EQ(backend_->Buddy().free_blocks, before.free_blocks);
  }
  EXPECT_GE(failures, 1u);
}

TEST_P(BackendConformance, AFullArenaRefusesAndRecovers) {
  std::vector<ChunkMemory> chunks;
  absl::StatusOr<ChunkMemory> memory = CreatePopulated();
  for (; memory.ok(); memory = CreatePopulated()) chunks.push_back(*memory);
  EXPECT_TRUE(absl::IsResourceExhausted(memory.status())) << memory.status();
  backend_->DestroyChunk(chunks.back());
  EXPECT_TRUE(CreatePopulated().ok());
}

// A restart does this: another backend over the same memory.
TEST_P(BackendConformance, AdoptsWhatAnotherOfItsKindHadMade) {
  const auto given_back = CreatePopulated();
  const auto kept = CreatePopulated();
  const auto pages = backend_->TakePages(Bytes(8192));
  ASSERT_TRUE(given_back.ok() && kept.ok() && pages.ok());
  *UnitBytes(*kept, 1) = std::byte{0x5a};
  *UnitBytes(*given_back, 1) = std::byte{0x5a};
  backend_ = *MakeBackendUnderTest(GetParam(), info_, *pages_, {});
  const auto adopted = backend_->AdoptChunk(kept->base);
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  EXPECT_EQ(adopted->base, kept->base);
  EXPECT_EQ(adopted->first_page, kept->first_page);
  EXPECT_EQ(adopted->block_order, kept->block_order);
  EXPECT_TRUE(backend_->AdoptPages(*pages, Bytes(8192)).ok());
  EXPECT_TRUE(backend_->CheckInvariants().ok()) << backend_->CheckInvariants();
  // Neither twice nor askew.
  EXPECT_FALSE(backend_->AdoptChunk(kept->base).ok());
  EXPECT_FALSE(backend_->AdoptChunk(kept->base + kBasePageSize).ok());
  EXPECT_FALSE(backend_->AdoptChunk(kept->base + Bytes(1)).ok());
  EXPECT_FALSE(backend_->AdoptPages(*pages, Bytes(8192)).ok());
  EXPECT_FALSE(backend_->AdoptPages(arena_->size(), Bytes(8192)).ok());
  EXPECT_TRUE(backend_->ReleaseRest().ok());
  EXPECT_EQ(*UnitBytes(*kept, 1), std::byte{0x5a});
  EXPECT_EQ(*UnitBytes(*given_back, 1), std::byte{0});
  backend_->DestroyChunk(*adopted);
  backend_->GivePages(*pages, Bytes(8192));
  const BuddyState buddy = backend_->Buddy();
  EXPECT_EQ(buddy.free_pages, buddy.total_pages);
}

INSTANTIATE_TEST_SUITE_P(Backends, BackendConformance, ::testing::ValuesIn(BackendsUnderTest()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace percpud
