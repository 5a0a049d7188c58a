// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Hostile clients whose every call is well-formed: what they do to memory that they map,
// to names, and by the order of their calls.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "percpu/internal/door/admission.h"
#include "percpu/remote_session.h"
#include "percpu/session.h"
#include "tests/integration/hostile_rig.h"

namespace percpud {
namespace {

using percpu::Pointer;
using percpu::Session;
using percpu::SessionId;
using percpu::Unit;
using percpu::VariableType;

class HostileCallsTest : public testing::HostileRig {
 protected:
  std::unique_ptr<Session> Open() {
    percpu::SessionOptions options;
    options.calls.deadline = kPatience;
    auto session = Session::Open(daemon_->address, options);
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }
  percpu::Admission Enter(percpu::MapMode mode) {
    auto admission = percpu::Knock(path(abi::v1::kDoorSuffix), {.wanted = mode, .abilities = 3},
                                   {.deadline = percpu::Deadline::After(kPatience)});
    EXPECT_TRUE(admission.ok()) << admission.status();
    return *std::move(admission);
  }
};

// A file arena cannot be sealed. Cut short, it is nobody's any more, and the daemon says
// so instead of dying of it.
TEST_F(HostileCallsTest, AnArenaThatIsCutShortCostsAnswersAndNotTheDaemon) {
  daemon_.reset();
  StartWith({"--arena", "file:" + dir_.path() + "/arena", "--arena-size", "16MiB"});
  const auto honest = Open();
  const auto area = honest->client().Allocate({.size_bytes = 64});
  ASSERT_TRUE(area.ok());
  percpu::testing::Child attacker([&] {
    const percpu::Admission admission = Enter(percpu::MapMode::kReadWrite);
    return ftruncate(admission.arena.get(), 4096) == 0 ? 0 : 1;
  });
  ASSERT_EQ(attacker.Wait(), 0);
  for (int i = 0; i < 20; ++i) {
    static_cast<void>(honest->client().Read(*area, Unit{0}, 64));
    static_cast<void>(honest->client().Sum(*area));
    static_cast<void>(honest->client().Allocate({.size_bytes = 8192}));
  }
  EXPECT_TRUE(honest->client().Ping().ok());
  EXPECT_TRUE(honest->client().ListSessions().ok());
  const auto info = honest->client().GetAllocInfo();
  EXPECT_TRUE(info.ok()) << info.status();
  daemon_->process.Kill(SIGKILL);
  daemon_.reset();
}

TEST_F(HostileCallsTest, PagesThatAClientTakesAwayComeBackAsZero) {
  Attack(
      [this] {
        const percpu::Admission admission = Enter(percpu::MapMode::kReadWrite);
        constexpr std::size_t kBytes = 16 << 20;
        void* const arena =
            mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, admission.arena.get(), 0);
        if (arena == MAP_FAILED) return;
        madvise(arena, kBytes, MADV_REMOVE);
        madvise(arena, kBytes, MADV_DONTNEED);
        mlock(arena, kBytes);
        munmap(arena, kBytes);
      },
      1);
  ExpectHonestIsServed();
}

// A read of a hole has the kernel back it: a client that may only look could back all of
// the arena.
TEST_F(HostileCallsTest, WhatAViewerBacksByReadingIsGivenBack) {
  for (const char* backend : {"km", "vm"}) {
    daemon_.reset();
    StartWith({"--arena-size", "64MiB", "--backend", backend});
    const auto owner = Open();
    const Pointer area = *owner->client().Allocate({.size_bytes = 4096});
    ASSERT_TRUE(owner->client().Write(area, Unit{0}, "kept").ok());
    const percpu::Admission viewer = Enter(percpu::MapMode::kReadOnly);
    const auto backed = [&viewer] {
      struct stat file {};
      EXPECT_EQ(fstat(viewer.arena.get(), &file), 0);
      return file.st_blocks * 512;
    };
    constexpr std::size_t kBytes = 64 << 20;
    constexpr std::size_t kPage = 4096;
    const auto before = backed();
    const auto* const arena = static_cast<const volatile char*>(
        mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, viewer.arena.get(), 0));
    ASSERT_NE(arena, MAP_FAILED);
    for (std::size_t at = 0; at < kBytes; at += kPage) EXPECT_EQ(arena[at] & 0, 0);
    EXPECT_TRUE(AwaitThat([&] { return backed() < before + (1 << 20); }))
        << backend << ": " << backed();
    EXPECT_EQ(*owner->client().Read(area, Unit{0}, 4), "kept");
    EXPECT_TRUE(owner->client().Free(area).ok());
    munmap(const_cast<char*>(arena), kBytes);
  }
  ExpectHonestIsServed();
}

TEST_F(HostileCallsTest, OneNameMadePublishedAndRemovedByManyIsOneVariable) {
  std::atomic<int> left{4};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto session = Open();
      for (int round = 0; round < 200; ++round) {
        static_cast<void>(session->client().OpenVariable({.name = "contested",
                                                          .type = VariableType::kCounter,
                                                          .size_bytes = 8,
                                                          .create = true}));
        const auto area = session->client().Allocate({.size_bytes = 8});
        if (area.ok() &&
            !session->client().Publish(*area, "contested", VariableType::kCounter).ok()) {
          EXPECT_TRUE(session->client().Free(*area).ok());
        }
        static_cast<void>(session->client().RemoveVariable("contested", /*force=*/true));
      }
      --left;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(left, 0);
  const auto session = Open();
  static_cast<void>(session->client().RemoveVariable("contested", /*force=*/true));
  ExpectHonestIsServed();
}

TEST_F(HostileCallsTest, HandingOverWhatIsNotOnesOwnChangesNothing) {
  const auto victim = Open();
  const auto thief = Open();
  const SessionId victims = *victim->id();
  const SessionId thiefs = *thief->id();
  const Pointer theirs = *victim->client().Allocate({.size_bytes = 64});
  const Pointer own = *thief->client().Allocate({.size_bytes = 64});
  const auto hand_over = [&](const std::vector<Pointer>& areas, SessionId to) {
    return thief->client().HandOver(areas, to);
  };
  EXPECT_FALSE(hand_over({theirs}, thiefs).ok());
  EXPECT_FALSE(hand_over({own, theirs}, thiefs).ok());
  EXPECT_FALSE(hand_over({own, own}, victims).ok());
  EXPECT_FALSE(hand_over({own}, SessionId{987654}).ok());
  EXPECT_FALSE(hand_over({percpu::kNull}, victims).ok());
  EXPECT_TRUE(victim->client().Free(theirs).ok());
  EXPECT_TRUE(thief->client().Free(own).ok());
}

TEST_F(HostileCallsTest, ASessionThatEndedItselfMayDoNothingMore) {
  const auto session = Open();
  const Pointer area = *session->client().Allocate({.size_bytes = 8});
  EXPECT_TRUE(session->client().EndOwnSession().ok());
  EXPECT_FALSE(session->client().Free(area).ok());
  EXPECT_FALSE(session->client().Allocate({.size_bytes = 8}).ok());
  EXPECT_FALSE(session->client().EndOwnSession().ok());
  ExpectHonestIsServed();
}

TEST_F(HostileCallsTest, NumbersAtTheirEndsAreRefused) {
  const auto session = Open();
  percpu::Client& client = session->client();
  const Pointer area = *client.Allocate({.size_bytes = 8});
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_FALSE(client.Allocate({.size_bytes = kMost}).ok());
  EXPECT_FALSE(client.Allocate({.size_bytes = kMost - 3}).ok());
  EXPECT_FALSE(client.Allocate({.size_bytes = 0}).ok());
  EXPECT_FALSE(client.Allocate({.size_bytes = 8, .alignment = 1U << 31U}).ok());
  EXPECT_FALSE(client.Read(area, Unit{0}, kMost).ok());
  EXPECT_FALSE(client.Read(area, Unit{0xffffffff}, 8).ok());
  EXPECT_FALSE(client.Read(Pointer{kMost - 7}, Unit{0}, 8).ok());
  EXPECT_FALSE(client.Write(area, Unit{0}, std::string(9, 'x')).ok());
  EXPECT_FALSE(client.Write(Pointer{Value(area) + 4}, Unit{0}, "12345").ok());
  EXPECT_FALSE(client.ListAreas(percpu::ChunkId{0xffffffff}).ok());
  EXPECT_TRUE(client.Free(area).ok());
}

TEST_F(HostileCallsTest, WhatAProcessCallsItselfIsShownEscaped) {
  const percpu::testing::Pipe named;
  percpu::testing::Child attacker([&] {
    prctl(PR_SET_NAME, "\x1b[2J\nroot\xc2\x9b");
    const percpu::Admission admission = Enter(percpu::MapMode::kNone);
    named.Put(1);
    pause();
    return 0;
  });
  ASSERT_EQ(named.Get(), 1U);
  for (const char* format : {"table", "json"}) {
    const auto listed = testing::RunToEnd({testing::BinaryPath("percpuctl"), "--address",
                                           daemon_->address, "-o", format, "sessions"});
    ASSERT_TRUE(listed.ok()) << listed.status();
    EXPECT_EQ(listed->exit_code, 0) << listed->err;
    EXPECT_FALSE(absl::StrContains(listed->out, "\x1b")) << format;
    EXPECT_FALSE(absl::StrContains(listed->out, "\xc2\x9b")) << format;
  }
  attacker.Kill();
  ExpectHonestIsServed();
}

TEST_F(HostileCallsTest, SessionsWithoutEndAreBoundedAndLeaveRoomForOthers) {
  Attack(
      [this] {
        std::vector<percpu::Admission> held;
        for (int i = 0; i < 1500; ++i) {
          auto admission = percpu::Knock(path(abi::v1::kDoorSuffix),
                                         {.wanted = percpu::MapMode::kNone, .abilities = 3},
                                         {.deadline = percpu::Deadline::After(kPatience)});
          if (!admission.ok()) break;
          held.push_back(*std::move(admission));
        }
      },
      1);
  ExpectHonestIsServed();
}

TEST_F(HostileCallsTest, KeptLeasesThatNobodyHoldsAreTheirMakersAndBounded) {
  daemon_.reset();
  const std::string config = dir_.path() + "/config";
  std::ofstream(config) << "quotas { per_user { leases: 8 } } arena_size: \"64MiB\"\n";
  StartWith({"--config", config});
  Attack(
      [this] {
        percpu::SessionOptions options;
        options.calls.deadline = kPatience;
        const auto session = Session::Open(daemon_->address, options);
        if (!session.ok()) return;
        for (int i = 0; i < 40; ++i) {
          static_cast<void>((*session)->OpenKeptHeap(absl::StrCat("kept-", i)));
        }
      },
      2);
  EndAttacks();
  const auto session = Open();
  const auto leases = session->client().ListLeases();
  ASSERT_TRUE(leases.ok()) << leases.status();
  EXPECT_LE(leases->size(), 8U);
  ExpectHonestIsServed();
}

}  // namespace
}  // namespace percpud
