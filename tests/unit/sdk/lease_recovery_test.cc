// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Kept leases: what a process leaves behind, in order or killed at any
// instant, and what the next one makes of it.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "percpu/lease_heap.h"
#include "server/area/lease_map.h"
#include "tests/support/fake_chunk_source.h"

namespace percpu {
namespace {

using percpud::LeaseMap;
using percpud::testing::FakeChunkSource;

constexpr std::uint64_t kUnit = 64 << 10;

std::set<std::uint64_t> Pointers(const Adoption& adoption) {
  std::set<std::uint64_t> pointers;
  for (const Adoption::Area& area : adoption.live) pointers.insert(Value(area.pointer));
  return pointers;
}

class KeptLeaseTest : public ::testing::Test {
 protected:
  KeptLeaseTest() : source_({}), kept_(source_.ChunkAt(0)) {}

  FakeChunkSource source_;
  const LeasedChunk kept_;
  NoMoreChunks none_;
};

TEST_F(KeptLeaseTest, StartsColdThenWarmWithTheSameBytes) {
  std::set<std::uint64_t> live;
  Pointer root = kNull;
  {
    LeaseHeap heap(none_);
    const absl::StatusOr<Adoption> first = heap.Adopt(kept_);
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_FALSE(first->is_warm);
    EXPECT_EQ(first->reason.code(), absl::StatusCode::kFailedPrecondition) << first->reason;
    root = *heap.Allocate(64);
    ASSERT_TRUE(heap.SetRoot(root).ok());
    const Pointer large = *heap.Allocate(10000);
    live = {Value(root), Value(large)};
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(heap.Free(*heap.Allocate(100)).ok());
    std::memset(source_.Address(root, 1), 42, 64);
    EXPECT_EQ(heap.Allocate(kUnit).status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(heap.Adopt(kept_).status().code(), absl::StatusCode::kAlreadyExists);
  }
  EXPECT_EQ(reinterpret_cast<const LeaseMap::Header*>(kept_.map.data())->phase,
            percpud::abi::v1::kLeaseClean);

  LeaseHeap heap(none_);
  const absl::StatusOr<Adoption> second = heap.Adopt(kept_);
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->is_warm) << second->reason;
  EXPECT_EQ(Pointers(*second), live);
  EXPECT_EQ(second->root, root);
  EXPECT_EQ(second->live.back().size_bytes, 10000u);
  EXPECT_EQ(*source_.Address(root, 1), std::byte{42});
  EXPECT_EQ(reinterpret_cast<const LeaseMap::Header*>(kept_.map.data())->holders, 2u);
  // Old areas can be freed, and what is handed out anew is zero.
  ASSERT_TRUE(heap.Free(root).ok());
  EXPECT_EQ(heap.Free(root).code(), absl::StatusCode::kNotFound);
  const Pointer again = *heap.Allocate(64);
  EXPECT_EQ(again, root);
  EXPECT_EQ(*source_.Address(again, 1), std::byte{0});
}

TEST_F(KeptLeaseTest, ARootThatWasFreedIsNull) {
  {
    LeaseHeap heap(none_);
    ASSERT_TRUE(heap.Adopt(kept_).ok());
    const Pointer root = *heap.Allocate(64);
    EXPECT_EQ(heap.SetRoot(root + 4).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(heap.SetRoot(kNull).code(), absl::StatusCode::kNotFound);
    ASSERT_TRUE(heap.SetRoot(root).ok());
    ASSERT_TRUE(heap.Free(root).ok());
  }
  LeaseHeap heap(none_);
  EXPECT_EQ(heap.Adopt(kept_)->root, kNull);
}

TEST_F(KeptLeaseTest, ARootLiesInAKeptChunkOnly) {
  LeaseHeap heap(source_);
  const Pointer area = *heap.Allocate(64);
  EXPECT_EQ(heap.SetRoot(area).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(KeptLeaseTest, ACorruptMapStartsColdAndClear) {
  Pointer area = kNull;
  {
    LeaseHeap heap(none_);
    ASSERT_TRUE(heap.Adopt(kept_).ok());
    area = *heap.Allocate(64);
    std::memset(source_.Address(area, 1), 42, 64);
  }
  // The area's state byte, and one inside it.
  std::byte* states = kept_.map.data() + sizeof(LeaseMap::Header);
  states[(Value(area) - Value(kept_.base)) / 4 + 1] = std::byte{200};
  LeaseHeap heap(none_);
  const absl::StatusOr<Adoption> adoption = heap.Adopt(kept_);
  ASSERT_TRUE(adoption.ok());
  EXPECT_FALSE(adoption->is_warm);
  EXPECT_EQ(adoption->reason.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(adoption->live.empty());
  EXPECT_EQ(*source_.Address(area, 1), std::byte{0});
  EXPECT_TRUE(heap.Allocate(kUnit).ok());
}

// --- Killed at any instant -----------------------------------------------------------

constexpr std::size_t kJournal = 512;

// What the child did, in memory that outlives it. An operation is in flight
// between the store of its kind and that of kNone.
struct Journal {
  enum Kind : std::uint32_t { kNone, kAllocating, kFreeing };
  std::atomic<std::uint32_t> kind;
  std::atomic<std::uint32_t> index;
  std::atomic<std::uint64_t> operations;
  std::atomic<std::uint64_t> live[kJournal];
};

// Never returns: allocates and frees until it is killed.
[[noreturn]] void WorkUntilKilled(const LeasedChunk& kept, Journal& journal, std::uint32_t seed) {
  NoMoreChunks none;
  LeaseHeap heap(none);
  const absl::StatusOr<Adoption> adoption = heap.Adopt(kept);
  if (!adoption.ok()) ::_exit(1);
  std::mt19937 random(seed);
  for (;;) {
    const std::uint32_t index = random() % kJournal;
    const std::uint64_t old = journal.live[index].load();
    journal.index.store(index);
    if (old != 0) {
      journal.kind.store(Journal::kFreeing);
      if (!heap.Free(Pointer{old}).ok()) ::_exit(2);
      journal.live[index].store(0);
    } else {
      journal.kind.store(Journal::kAllocating);
      const std::uint64_t size = random() % 40 == 0 ? 4100 + random() % 3000 : 4 + random() % 200;
      const absl::StatusOr<Pointer> area = heap.Allocate(size);
      if (area.ok()) journal.live[index].store(Value(*area));
    }
    journal.kind.store(Journal::kNone);
    journal.operations.fetch_add(1);
  }
}

// Whether all that is not live is free: as it has to be in a clean map.
absl::Status CheckNothingIsLost(const LeasedChunk& kept) {
  std::vector<std::byte> copy(kept.map.begin(), kept.map.end());
  reinterpret_cast<LeaseMap::Header*>(copy.data())->phase = percpud::abi::v1::kLeaseClean;
  return LeaseMap::Validate(copy, percpud::Granules(kept.usable_bytes / 4));
}

// The live areas are those of the journal, but for the one in flight.
void ExpectAsRecorded(const Adoption& adoption, const Journal& journal) {
  std::set<std::uint64_t> recorded;
  for (const auto& pointer : journal.live) {
    if (pointer.load() != 0) recorded.insert(pointer.load());
  }
  const std::set<std::uint64_t> found = Pointers(adoption);
  std::vector<std::uint64_t> missing;
  std::vector<std::uint64_t> extra;
  std::set_difference(recorded.begin(), recorded.end(), found.begin(), found.end(),
                      std::back_inserter(missing));
  std::set_difference(found.begin(), found.end(), recorded.begin(), recorded.end(),
                      std::back_inserter(extra));
  const std::uint32_t kind = journal.kind.load();
  if (kind == Journal::kFreeing && !missing.empty()) {
    EXPECT_EQ(missing, std::vector{journal.live[journal.index.load()].load()});
    missing.clear();
  }
  if (kind == Journal::kAllocating && extra.size() == 1) extra.clear();
  EXPECT_TRUE(missing.empty()) << missing.size() << " lost, kind " << kind;
  EXPECT_TRUE(extra.empty()) << extra.size() << " too many, kind " << kind;
}

TEST_F(KeptLeaseTest, AKilledProcessLeavesExactlyItsLiveAreas) {
  void* memory =
      ::mmap(nullptr, sizeof(Journal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& journal = *new (memory) Journal{};
  std::mt19937 random(5);
  {
    LeaseHeap heap(none_);
    ASSERT_TRUE(heap.Adopt(kept_).ok());
  }
  for (std::uint32_t round = 0; round < 60; ++round) {
    journal.operations.store(0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) WorkUntilKilled(kept_, journal, round);
    // At work for sure, then for a random number of operations more.
    const std::uint64_t until = 1 + random() % 3000;
    while (journal.operations.load() < until && ::waitpid(child, nullptr, WNOHANG) == 0) {
    }
    ::kill(child, SIGKILL);
    int status = 0;
    if (::waitpid(child, &status, 0) == child) {
      ASSERT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
    } else {
      FAIL() << "the child ended by itself";
    }

    LeaseHeap heap(none_);
    const absl::StatusOr<Adoption> adoption = heap.Adopt(kept_);
    ASSERT_TRUE(adoption.ok());
    ASSERT_TRUE(adoption->is_warm) << adoption->reason;
    ASSERT_TRUE(CheckNothingIsLost(kept_).ok()) << CheckNothingIsLost(kept_);
    ASSERT_NO_FATAL_FAILURE(ExpectAsRecorded(*adoption, journal)) << "round " << round;
    ASSERT_FALSE(HasFailure()) << "round " << round;
    // The survivor settles the operation in flight, as a client would.
    const std::set<std::uint64_t> found = Pointers(*adoption);
    std::set<std::uint64_t> known;
    for (auto& pointer : journal.live) {
      if (!found.contains(pointer.load())) pointer.store(0);
      known.insert(pointer.load());
    }
    for (const std::uint64_t pointer : found) {
      if (!known.contains(pointer)) ASSERT_TRUE(heap.Free(Pointer{pointer}).ok());
    }
  }
  ::munmap(memory, sizeof(Journal));
}

}  // namespace
}  // namespace percpu
