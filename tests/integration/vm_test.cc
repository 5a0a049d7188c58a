// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The real daemon with the vm backend, and with km's returned tails: what goes
// back to the system, by the system's own count, and what a kill leaves.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "percpu/session.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Flags = std::vector<std::string>;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kUnits = 4;
// Pages of a unit of 64 KiB.
constexpr std::uint64_t kBlocks = 16;

const Flags kVm = {"--backend", "vm", "--cpus", "4"};

// Where pages are counted as they come and go; a disk's file system counts late.
std::string MemoryFileSystem() {
  const std::string shared = "/dev/shm";
  return std::filesystem::is_directory(shared) ? shared : std::string();
}

template <typename Condition>
bool Await(const Condition& condition) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
  }
  return true;
}

SessionOptions Patient() {
  SessionOptions options;
  options.calls.deadline = kPatience;
  options.calls.retry.max_retries = 1000;
  return options;
}

class VmOfProcessesTest : public ::testing::Test {
 protected:
  void Start(Flags flags) {
    flags.insert(flags.begin(), {"--arena", "file:" + arena(), "--arena-size", "64MiB"});
    auto daemon = percpud::testing::StartDaemon(dir_, flags);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
  }
  void Kill() {
    daemon_->process.Kill(SIGKILL);
    ASSERT_TRUE(daemon_->process.Wait(kPatience).ok());
    daemon_.reset();
  }
  bool Says(const std::string& what) {
    return Await([&] { return daemon_->process.err().find(what) != std::string::npos; });
  }
  std::unique_ptr<Session> Open() {
    auto session = Session::Open(daemon_->address, Patient());
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }
  void ExpectSound() {
    // Without a session: as the operator that this user is.
    const auto checked = Client::Connect(daemon_->address)->Check();
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_FALSE(checked->empty());
    for (const CheckedPart& part : *checked) EXPECT_EQ(part.problem, "");
  }
  [[nodiscard]] std::string arena() const { return dir_.path() + "/arena"; }
  // What the file holds, in the system's word.
  [[nodiscard]] std::uint64_t BackedPages() const {
    struct stat info {};
    EXPECT_EQ(stat(arena().c_str(), &info), 0);
    return static_cast<std::uint64_t>(info.st_blocks) * 512 / kPage;
  }
  // By the daemon; the two are asked at two moments, and equal once it is at rest.
  void ExpectBackedAsCounted() {
    Client client = *Client::Connect(daemon_->address);
    EXPECT_TRUE(Await([&] { return BackedPages() == client.GetStats()->populated_pages; }))
        << BackedPages() << ", not " << client.GetStats()->populated_pages;
  }

  const percpud::testing::TempDir dir_{MemoryFileSystem()};
  std::optional<percpud::testing::RunningDaemon> daemon_;
};

// Areas of a page, with a mark of their own in every unit.
class Areas {
 public:
  explicit Areas(Session& session) : session_(session) {}

  void Allocate(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto area = session_.client().Allocate({.size_bytes = kPage, .alignment = kPage});
      ASSERT_TRUE(area.ok()) << area.status();
      live_.push_back(*area);
      for (const std::uint64_t offset : session_.mapping().unit_offsets) {
        std::memset(At(*area, offset), Mark(*area, offset), kPage);
      }
    }
  }
  // All but every `nth`.
  void FreeAllBut(std::size_t nth) {
    std::vector<Pointer> kept;
    for (std::size_t i = 0; i < live_.size(); ++i) {
      if (i % nth == 0) {
        kept.push_back(live_[i]);
      } else {
        ASSERT_TRUE(session_.client().Free(live_[i]).ok());
      }
    }
    live_ = kept;
  }
  // Checks them as this process sees them, and as the daemon does.
  void ExpectTheirBytes() {
    for (const Pointer area : live_) {
      std::uint32_t unit = 0;
      for (const std::uint64_t offset : session_.mapping().unit_offsets) {
        const std::string expected(kPage, static_cast<char>(Mark(area, offset)));
        ASSERT_EQ(std::memcmp(At(area, offset), expected.data(), kPage), 0);
        const auto read = session_.client().Read(area, Unit{unit++}, kPage);
        ASSERT_TRUE(read.ok()) << read.status();
        ASSERT_EQ(*read, expected);
      }
    }
  }
  [[nodiscard]] std::size_t size() const { return live_.size(); }

 private:
  [[nodiscard]] std::byte* At(Pointer area, std::uint64_t offset) const {
    return session_.mapping().base + Value(area) + offset;
  }
  static unsigned char Mark(Pointer area, std::uint64_t offset) {
    return static_cast<unsigned char>(1 + (Value(area) / kPage * 31 + offset / kPage) % 250);
  }

  Session& session_;
  std::vector<Pointer> live_;
};

// --- Pages come and go -------------------------------------------------------------

TEST_F(VmOfProcessesTest, FreedPagesGoBackToTheSystemAndAKillLosesNothingElse) {
  Start(kVm);
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  const auto hits = session->Counter("hits");
  ASSERT_TRUE(hits.ok()) << hits.status();
  Client& client = session->client();
  Areas areas(*session);
  areas.Allocate(8 * kBlocks);
  const Stats full = *client.GetStats();
  EXPECT_GE(full.nr_chunks, 8U);
  ExpectBackedAsCounted();

  areas.FreeAllBut(kBlocks / 2);
  Stats sparse;
  ASSERT_TRUE(Await([&] {
    sparse = *client.GetStats();
    return sparse.sidelined_chunks > 0 && sparse.populated_pages < full.populated_pages / 2;
  })) << sparse.sidelined_chunks
      << " sidelined, " << sparse.populated_pages << " pages";
  EXPECT_GT(sparse.blocks_depopulated, 0U);
  ExpectBackedAsCounted();

  for (int i = 0; i < 1000; ++i) hits->Increment();
  Kill();
  for (int i = 0; i < 1000; ++i) hits->Increment();
  Start(kVm);
  EXPECT_TRUE(Says("start is warm")) << daemon_->process.err();
  EXPECT_EQ(session->client().GetStats()->nr_cur_alloc, areas.size() + 1);
  areas.ExpectTheirBytes();
  for (int i = 0; i < 1000; ++i) hits->Increment();
  EXPECT_EQ(hits->Sum(), 3000U);
  EXPECT_EQ(*client.Sum(hits->pointer()), 3000);
  ExpectSound();
  // Nobody remembers which empty pages were backed: the first chunk, which is
  // embedded, and one page of each unit for each area elsewhere.
  const Stats after = *client.GetStats();
  EXPECT_LE(after.populated_pages, kUnits * (kBlocks + areas.size()));
  EXPECT_LE(after.populated_pages, sparse.populated_pages);
  ExpectBackedAsCounted();
  // Memory that was given back is granted again, as zeroes.
  areas.Allocate(4 * kBlocks);
  areas.ExpectTheirBytes();
  ExpectSound();
}

TEST_F(VmOfProcessesTest, LeasedChunksAreBackedWholeAndComeBackAfterAKill) {
  Start(kVm);
  auto session = Open();
  ASSERT_NE(session, nullptr);
  auto kept = session->OpenKeptHeap("cache");
  auto heap = session->NewHeap();
  ASSERT_TRUE(kept.ok() && heap.ok()) << kept.status() << heap.status();
  const auto root = kept->heap->Allocate(64);
  ASSERT_TRUE(root.ok() && kept->heap->SetRoot(*root).ok());
  session->At<std::uint64_t>(*root).Add(12345);
  std::vector<Pointer> areas;
  areas.reserve(1000);
  for (int i = 0; i < 1000; ++i) areas.push_back(*(*heap)->Allocate(64));
  const std::uint64_t leases = session->client().ListLeases()->size();
  EXPECT_GE(leases, 2U);
  Kill();
  for (const Pointer area : areas) session->At<std::uint64_t>(area).Add(7);
  Start(kVm);
  EXPECT_TRUE(Says("start is warm")) << daemon_->process.err();
  EXPECT_EQ(session->client().ListLeases()->size(), leases);
  for (const Pointer area : areas) {
    EXPECT_EQ(*session->client().Sum(area), 7);
    EXPECT_TRUE((*heap)->Free(area).ok());
  }
  EXPECT_EQ(*session->client().Sum(*root), 12345);
  ExpectSound();
  // Given back, their pages go; the kept one stays as it is.
  const std::uint64_t backed = BackedPages();
  heap->reset();
  kept->heap.reset();
  EXPECT_TRUE(Await([&] { return BackedPages() < backed; }));
  // A kept lease is its session's until that ends.
  session = Open();
  ASSERT_NE(session, nullptr);
  ASSERT_TRUE(Await([&] {
    kept = session->OpenKeptHeap("cache");
    return kept.ok();
  })) << kept.status();
  EXPECT_TRUE(kept->adoption.is_warm) << kept->adoption.reason;
  EXPECT_EQ(session->At<std::uint64_t>(kept->adoption.root).Sum(), 12345U);
}

TEST_F(VmOfProcessesTest, AnotherBackendsArenaIsCold) {
  Start(kVm);
  Kill();
  Start({"--backend", "km", "--cpus", "4"});
  EXPECT_TRUE(Says("start is cold: another layout: backend=vm, not backend=km"));
}

TEST_F(VmOfProcessesTest, AFirstChunkInPagesIsBackedWhereAreasLie) {
  Flags flags = kVm;
  flags.insert(flags.end(), {"--first-chunk", "page"});
  Start(flags);
  auto session = Open();
  ASSERT_NE(session, nullptr);
  EXPECT_LT(session->client().GetStats()->populated_pages, kUnits * kBlocks);
  Areas areas(*session);
  areas.Allocate(3);
  ExpectBackedAsCounted();
  Kill();
  Start(flags);
  EXPECT_TRUE(Says("start is warm")) << daemon_->process.err();
  areas.ExpectTheirBytes();
  ExpectSound();
}

TEST_F(VmOfProcessesTest, TheKernelsOwnRefusalsStay) {
  const auto run = percpud::testing::RunToEnd({percpud::testing::BinaryPath("percpud"), "--listen",
                                               "unix:" + dir_.path() + "/s", "--cpus", "4",
                                               "--backend", "km", "--first-chunk", "page"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_NE(run->exit_code, 0);
  EXPECT_THAT(run->err, HasSubstr("first_chunk"));
}

TEST_F(VmOfProcessesTest, HugePagesThatCannotBeHadAreRefusedAndNothingIsMovedAside) {
  const Flags plain = {"--cpus", "4", "--atom-size", "2MiB"};
  Start(plain);
  Kill();
  const auto run = percpud::testing::RunToEnd(
      {percpud::testing::BinaryPath("percpud"), "--listen", "unix:" + dir_.path() + "/s", "--cpus",
       "4", "--arena", "file:" + arena(), "--arena-size", "64MiB", "--transparent-huge-pages",
       "--check-config"});
  ASSERT_TRUE(run.ok()) << run.status();
  if (run->exit_code == 0) GTEST_SKIP() << "they can be had here";
  EXPECT_EQ(run->exit_code, 1);
  EXPECT_THAT(run->err, HasSubstr("transparent_huge_pages: "));
  auto refused =
      percpud::testing::StartDaemon(dir_, {"--cpus", "4", "--arena", "file:" + arena(),
                                           "--arena-size", "64MiB", "--transparent-huge-pages"});
  EXPECT_FALSE(refused.ok());
  Start(plain);
  EXPECT_TRUE(Says("start is warm")) << daemon_->process.err();
}

// --- Several groups ------------------------------------------------------------------

TEST_F(VmOfProcessesTest, TwoGroupsAreServedWhateverNodesTheHostHas) {
  const Flags flags = {"--backend", "vm", "--topology", "numa:2 core:2 pu:1"};
  Start(flags);
  const bool has_nodes = std::filesystem::exists("/sys/devices/system/node/node1");
  if (!has_nodes) {
    EXPECT_TRUE(Says("vm: groups are not bound to their nodes")) << daemon_->process.err();
  } else {
    EXPECT_THAT(daemon_->process.err(), Not(HasSubstr("groups are not bound")));
  }
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->client().ListGroups()->size(), 2U);
  Areas areas(*session);
  areas.Allocate(2 * kBlocks);
  areas.FreeAllBut(4);
  Kill();
  Start(flags);
  EXPECT_TRUE(Says("start is warm")) << daemon_->process.err();
  areas.ExpectTheirBytes();
  ExpectSound();
}

// --- Tails ---------------------------------------------------------------------------

TEST_F(VmOfProcessesTest, AReturnedTailIsNoWasteAndPartOfTheLayout) {
  const Flags without = {"--cpus", "3"};
  const Flags with = {"--cpus", "3", "--km-return-tail"};
  Start(with);
  {
    const auto session = Open();
    ASSERT_NE(session, nullptr);
    const AllocInfo info = *session->client().GetAllocInfo();
    EXPECT_EQ(info.wasted_pages, 0U);
    EXPECT_EQ(info.tail_pages, 64U - 48U);
    EXPECT_TRUE(info.returns_tail);
    Areas areas(*session);
    areas.Allocate(3 * kBlocks);
    Kill();
    Start(with);
    EXPECT_TRUE(Says("start is warm")) << daemon_->process.err();
    areas.ExpectTheirBytes();
    ExpectSound();
  }
  Kill();
  Start(without);
  EXPECT_TRUE(Says("start is cold: another layout: km.return_tail=1, not nothing"))
      << daemon_->process.err();
  const auto info = Client::Connect(daemon_->address)->GetAllocInfo();
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->wasted_pages, 16U);
  EXPECT_FALSE(info->returns_tail);
}

}  // namespace
}  // namespace percpu
