// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/unit/catalog/rig.h"

namespace percpud::catalog::testing {
namespace {

TEST_F(CatalogTest, KeepsEveryKindOfRecord) {
  {
    const auto catalog = Open();
    Begin(*catalog);
    Changes changes;
    changes.Put(Chunk{.id = ChunkId(1), .base = Bytes(0), .order = Order(4)});
    changes.Put(AreaAt(64));
    changes.Put(
        Variable{.name = "requests", .type = 1, .pointer = PercpuPtr(64), .size = Bytes(8)});
    changes.Put(Session{.id = SessionId(7), .command = "shard"});
    changes.Put(Lease{.chunk = ChunkId(1), .map_base = Bytes(4096), .name = "cache"});
    changes.Put(
        Answer{.session = SessionId(7), .request = RequestId(1), .order = 1, .words = {64}});
    changes.Put(LastSession{.id = SessionId(9)});
    ASSERT_TRUE(catalog->Commit(std::move(changes)).ok());
  }
  const auto catalog = Open();
  const auto contents =
      catalog->Load([](const Area& area, std::size_t) { return area.size == Granules(65); });
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(contents->arena.layout, "unit=64KiB");
  EXPECT_EQ(contents->last_session, SessionId(9));
  EXPECT_EQ(contents->chunks.size(), 1U);
  EXPECT_EQ(contents->areas, 1U);
  EXPECT_EQ(contents->variables.at(0).name, "requests");
  EXPECT_EQ(contents->sessions.at(0).command, "shard");
  EXPECT_EQ(contents->leases.at(0).name, "cache");
  EXPECT_EQ(contents->answers.at(0).words, std::vector<std::uint64_t>{64});
}

TEST_F(CatalogTest, DeletesWhatIsThereAndMindsNothingElse) {
  const auto catalog = Open();
  Begin(*catalog);
  ASSERT_TRUE(PutAreas(*catalog, 0, 3).ok());
  Changes changes;
  changes.DeleteArea(PercpuPtr(8));
  changes.DeleteArea(PercpuPtr(800));
  changes.DeleteSession(SessionId(3));
  changes.DeleteVariable("none");
  ASSERT_TRUE(catalog->Commit(std::move(changes)).ok());
  EXPECT_EQ(Areas(*catalog), (std::map<std::uint64_t, std::uint32_t>{{0, 1}, {16, 17}}));
}

TEST_F(CatalogTest, ChangesEnteredTogetherShareOneCommit) {
  const auto catalog = Open();
  Begin(*catalog);
  const std::uint64_t before = catalog->GetStats().commits;
  std::vector<Catalog::Ticket> tickets;
  for (std::uint64_t i = 0; i < 100; ++i) {
    Changes changes;
    changes.Put(AreaAt(i * 8));
    tickets.push_back(catalog->Enter(std::move(changes)));
  }
  for (const Catalog::Ticket ticket : tickets) EXPECT_TRUE(catalog->Await(ticket).ok());
  EXPECT_EQ(catalog->GetStats().commits, before + 1);
  EXPECT_EQ(Areas(*catalog).size(), 100U);
}

TEST_F(CatalogTest, OrderOfEnteringIsOrderOfEffect) {
  const auto catalog = Open();
  Begin(*catalog);
  Changes put;
  put.Put(AreaAt(64));
  Changes remove;
  remove.DeleteArea(PercpuPtr(64));
  const auto first = catalog->Enter(std::move(put));
  const auto second = catalog->Enter(std::move(remove));
  EXPECT_TRUE(catalog->Await(second).ok());
  EXPECT_TRUE(catalog->Await(first).ok());
  EXPECT_TRUE(Areas(*catalog).empty());
}

TEST_F(CatalogTest, ThreadsCommitAtOnce) {
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kEach = 500;
  const auto catalog = Open();
  Begin(*catalog);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&catalog, t] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        EXPECT_TRUE(PutAreas(*catalog, t * kEach + i, 1).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Areas(*catalog).size(), kThreads * kEach);
}

TEST_F(CatalogTest, GrowsWhileItIsUsed) {
  const auto catalog = Open();
  Begin(*catalog);
  const Bytes before = catalog->GetStats().size;
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(PutAreas(*catalog, i * 2000, 2000).ok());
  EXPECT_GT(catalog->GetStats().size, before);
  EXPECT_EQ(Areas(*catalog).size(), 200'000U);
}

TEST_F(CatalogTest, FullMeansRefusedWithNothingHalfDone) {
  const auto catalog = Open(Bytes(4 << 20), Bytes(4 << 20));
  Begin(*catalog);
  constexpr std::uint64_t kBatch = 500;
  std::uint64_t kept = 0;
  absl::Status status;
  while ((status = PutAreas(*catalog, kept, kBatch)).ok()) kept += kBatch;
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_GT(kept, 10'000U);
  EXPECT_EQ(Areas(*catalog).size(), kept);

  // Deleting goes on, and makes nobody's earlier failure good.
  for (std::uint64_t i = 0; i < kept; ++i) {
    Changes changes;
    changes.DeleteArea(PercpuPtr(i * 8));
    ASSERT_TRUE(catalog->Commit(std::move(changes)).ok()) << i << " of " << kept;
  }
  EXPECT_TRUE(Areas(*catalog).empty());
}

TEST_F(CatalogTest, AFullOneIsNamedByThePlaceWhereItWillLie) {
  constexpr Bytes kSize{1 << 20};
  const auto catalog = Catalog::Open(
      {.path = path(), .final_path = "/run/catalog", .initial = kSize, .limit = kSize});
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  Begin(**catalog);
  absl::Status status;
  for (std::uint64_t kept = 0; status.ok(); kept += 500) status = PutAreas(**catalog, kept, 500);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("/run/catalog cannot grow"));
}

TEST_F(CatalogTest, ItStartsSmall) {
  const auto catalog = Catalog::Open({.path = path()});
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  Begin(**catalog);
  EXPECT_LE((*catalog)->GetStats().size, Bytes(1 << 20));
}

// A start writes what it replaces: the arena's record, with another epoch.
TEST_F(CatalogTest, AFullOneStartsAndSaysSo) {
  constexpr Bytes kSize{2 << 20};
  std::uint64_t kept = 0;
  {
    const auto catalog = Open(kSize, kSize);
    Begin(*catalog);
    for (const std::uint64_t batch : {100, 1}) {
      while (PutAreas(*catalog, kept, batch).ok()) kept += batch;
    }
    EXPECT_TRUE(catalog->GetStats().is_full);
  }
  for (int start = 0; start < 30; ++start) {
    ASSERT_TRUE(Inspect(path()).ok()) << Inspect(path());
    const auto catalog = Open(kSize, kSize);
    ASSERT_NE(catalog, nullptr);
    Begin(*catalog);
    EXPECT_TRUE(start > 0 || catalog->GetStats().is_full);
    EXPECT_EQ(Areas(*catalog).size(), kept);
  }
}

TEST_F(CatalogTest, WhatIsFreedIsRoomAgain) {
  constexpr Bytes kSize{2 << 20};
  const auto catalog = Open(kSize, kSize);
  Begin(*catalog);
  constexpr std::uint64_t kBatch = 100;
  std::uint64_t first_time = 0;
  while (PutAreas(*catalog, first_time, kBatch).ok()) first_time += kBatch;
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t i = 0; i < first_time; ++i) {
      Changes changes;
      changes.DeleteArea(PercpuPtr(i * 8));
      ASSERT_TRUE(catalog->Commit(std::move(changes)).ok());
    }
    std::uint64_t again = 0;
    while (again < first_time && PutAreas(*catalog, again, kBatch).ok()) again += kBatch;
    EXPECT_GE(again, first_time * 9 / 10) << "round " << round;
    EXPECT_FALSE(absl::IsInternal(PutAreas(*catalog, again, kBatch)));
    first_time = again;
    EXPECT_TRUE(Inspect(path()).ok()) << Inspect(path());
  }
}

// No file of this process grows beyond `bytes` meanwhile: a full disk.
class FullDisk {
 public:
  explicit FullDisk(Bytes bytes) : ignored_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes.value(), .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, ignored_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  const sighandler_t ignored_;
  rlimit before_{};
};

TEST_F(CatalogTest, AFullDiskIsAskedAgainAfterAPauseAndFreedRoomIsUsedAtOnce) {
  constexpr Bytes kSize{2 << 20};
  percpud::testing::FakeClock clock;
  const auto opened = Catalog::Open({.path = path(), .initial = kSize, .clock = &clock});
  ASSERT_TRUE(opened.ok()) << opened.status();
  Catalog& catalog = **opened;
  Begin(catalog);
  constexpr std::uint64_t kBatch = 100;
  std::uint64_t kept = 0;
  {
    const FullDisk disk(kSize);
    while (PutAreas(catalog, kept, kBatch).ok()) kept += kBatch;
  }
  // The disk has room by now, and nobody asks it.
  EXPECT_TRUE(absl::IsResourceExhausted(PutAreas(catalog, kept, kBatch)));
  EXPECT_EQ(catalog.GetStats().size, kSize);

  for (std::uint64_t i = 0; i < kept / 2; ++i) {
    Changes changes;
    changes.DeleteArea(PercpuPtr(i * 8));
    ASSERT_TRUE(catalog.Commit(std::move(changes)).ok());
  }
  EXPECT_TRUE(PutAreas(catalog, 0, kBatch).ok());
  EXPECT_EQ(catalog.GetStats().size, kSize);

  clock.Advance(MapFile::kFullPause);
  for (std::uint64_t i = 0; i < 100 && catalog.GetStats().size == kSize; ++i) {
    ASSERT_TRUE(PutAreas(catalog, kept + i * kBatch * 10, kBatch * 10).ok()) << i;
  }
  EXPECT_GT(catalog.GetStats().size, kSize);
}

TEST_F(CatalogTest, WhatIsOwedGoesWithTheNextCommit) {
  const auto catalog = Open();
  Begin(*catalog);
  Changes owed;
  owed.Put(Chunk{.id = ChunkId(5), .base = Bytes(4096), .order = Order(0)});
  catalog->EnterOwed(std::move(owed));
  ASSERT_TRUE(PutAreas(*catalog, 1, 1).ok());
  EXPECT_EQ(catalog->Load([](const Area&, std::size_t) { return true; })->chunks.size(), 1U);
}

TEST_F(CatalogTest, OneDaemonAtATime) {
  const auto catalog = Open();
  const auto second = Catalog::Open({.path = path()});
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
}

// A writer is killed again and again; what it was told is committed must be
// there, and of a batch all or nothing.
TEST_F(CatalogTest, KillingTheWriterLosesNothingCommitted) {
  constexpr int kKills = 40;
  constexpr std::uint64_t kBatch = 7;
  {
    const auto catalog = Open();
    Begin(*catalog);
  }
  auto* const acknowledged = static_cast<std::atomic<std::uint64_t>*>(
      mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::mt19937 random(1);
  for (int kill_number = 0; kill_number < kKills; ++kill_number) {
    const std::uint64_t from = acknowledged->load();
    const pid_t writer = fork();
    if (writer == 0) {
      const auto catalog = Open();
      for (std::uint64_t batch = from;; ++batch) {
        if (!PutAreas(*catalog, batch * kBatch, kBatch).ok()) _exit(1);
        acknowledged->store(batch + 1);
      }
    }
    const std::uint64_t until = from + random() % 300;
    while (acknowledged->load() < until && waitpid(writer, nullptr, WNOHANG) == 0) {
    }
    kill(writer, SIGKILL);
    waitpid(writer, nullptr, 0);
    ASSERT_TRUE(Inspect(path()).ok());
    const auto catalog = Open();
    const std::size_t areas = Areas(*catalog).size();
    ASSERT_EQ(areas % kBatch, 0U);
    ASSERT_GE(areas / kBatch, acknowledged->load());
    ASSERT_LE(areas / kBatch, acknowledged->load() + 1);
  }
  munmap(acknowledged, sizeof(*acknowledged));
}

}  // namespace
}  // namespace percpud::catalog::testing
