// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/pin.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "server/arena/arena.h"
#include "server/base/error_reason.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/updater.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using errors::ReasonOf;

class StaticPinTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const testing::Geometry geometry{
        .cpus = 2,
        .statics = {{.name = "a", .size = Bytes(8), .alignment = Bytes(128)},
                    {.name = "b", .size = Bytes(12)},
                    {.name = "c", .size = Bytes(8), .alignment = Bytes(512)}},
        .arena_size = pages_.size()};
    allocator_ = *testing::MakeAllocator(geometry, pages_, {});
    for (const StaticVariable& variable : allocator_->statics().variables()) {
      (variable.name == "a" ? a_ : variable.name == "b" ? b_ : c_) = variable.offset;
    }
  }
  std::string ReasonFor(Bytes at, std::uint64_t length) {
    return std::string(ReasonOf(allocator_->Touch(PercpuPtr(at.value()), Bytes(length)).status()));
  }

  testing::HeapPageSource pages_{Bytes(4 << 20)};
  std::unique_ptr<Allocator> allocator_;
  Bytes a_;
  Bytes b_;
  Bytes c_;
};

TEST_F(StaticPinTest, NullAndItsGuardAreNobodys) {
  for (const std::uint64_t at : {0, 1, 8, 63, 64, 127}) {
    EXPECT_EQ(ReasonFor(Bytes(at), 1), "POINTER_IN_NO_VARIABLE") << at;
  }
}

TEST_F(StaticPinTest, AVariableEndsWhereItEnds) {
  EXPECT_EQ(ReasonFor(a_, 8), "");
  EXPECT_EQ(ReasonFor(a_ + Bytes(4), 4), "");
  ASSERT_EQ(b_, a_ + Bytes(8));
  EXPECT_EQ(ReasonFor(a_, 9), "RANGE_LEAVES_AREA");
  EXPECT_EQ(ReasonFor(a_ + Bytes(4), 8), "RANGE_LEAVES_AREA");
  EXPECT_EQ(ReasonFor(b_, 12), "");
  EXPECT_EQ(ReasonFor(b_ + Bytes(12), 1), "POINTER_IN_NO_VARIABLE");
  EXPECT_EQ(ReasonFor(b_, 16), "RANGE_LEAVES_AREA");
  EXPECT_EQ(ReasonFor(c_ - Bytes(1), 1), "POINTER_IN_NO_VARIABLE");
  EXPECT_EQ(ReasonFor(c_ + Bytes(8), 1), "POINTER_IN_NO_VARIABLE");
}

TEST_F(StaticPinTest, APinKeepsItsBytes) {
  const auto pin = allocator_->Touch(PercpuPtr(b_.value()), Bytes(12));
  ASSERT_TRUE(pin.ok());
  const std::array<std::byte, 12> in = {std::byte{1}, std::byte{2}};
  ASSERT_TRUE(pin->Write(UnitId(1), in).ok());
  std::array<std::byte, 12> out{};
  ASSERT_TRUE(pin->Read(UnitId(1), out).ok());
  EXPECT_EQ(out, in);
  ASSERT_TRUE(pin->Read(UnitId(0), out).ok());
  EXPECT_EQ(out, (std::array<std::byte, 12>{}));
}

// An arena over a file that another process can cut short, as a stranger can fill the file
// system it lies in, or take the last huge page.
class TakenMemoryTest : public ::testing::Test {
 protected:
  static constexpr Bytes kArena{4 << 20};

  void SetUp() override {
    const int fd = ::memfd_create("taken", MFD_CLOEXEC);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(::ftruncate(fd, static_cast<off_t>(kArena.value())), 0);
    auto arena = Arena::Adopt(UniqueFd(fd), {.size = kArena});
    ASSERT_TRUE(arena.ok()) << arena.status();
    arena_ = *std::move(arena);
    allocator_ = *testing::MakeAllocator({.cpus = 2, .arena_size = kArena}, *arena_, {});
  }
  // A child takes all memory away, and gives back files of holes if `back`.
  void TakeAll(bool back) {
    const pid_t child = ::fork();
    if (child == 0) {
      bool done = ::ftruncate(arena_->fd(), 0) == 0;
      if (back) done = done && ::ftruncate(arena_->fd(), kArena.value()) == 0;
      ::_exit(done ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }

  std::unique_ptr<Arena> arena_;
  std::unique_ptr<Allocator> allocator_;
};

TEST_F(TakenMemoryTest, ReadingWritingAndAddingAreAnswered) {
  const PercpuPtr area = *allocator_->Alloc({Bytes(64)});
  const auto pin = allocator_->Touch(area, Bytes(8));
  ASSERT_TRUE(pin.ok());
  TakeAll(/*back=*/false);
  std::array<std::byte, 8> bytes{};
  EXPECT_EQ(ReasonOf(pin->Read(UnitId(0), bytes)), "MEMORY_TAKEN");
  EXPECT_EQ(ReasonOf(pin->Write(UnitId(1), bytes)), "MEMORY_TAKEN");
  const auto host_cpus = static_cast<std::uint32_t>(get_nprocs_conf());
  for (const auto mode : {rseq::UpdateMode::kAtomic, rseq::UpdateMode::kRseq}) {
    const Updater updater(allocator_->info(), PlaceCpus(allocator_->info(), host_cpus), mode,
                          host_cpus);
    const auto added = updater.AddHere(*pin, Bytes(8), 5);
    EXPECT_FALSE(added.ok());
    if (mode == rseq::UpdateMode::kAtomic) EXPECT_EQ(ReasonOf(added.status()), "MEMORY_TAKEN");
  }
}

TEST_F(TakenMemoryTest, ClearingPassesOverWhatIsGone) {
  std::array<PercpuPtr, 100> areas;
  for (PercpuPtr& area : areas) area = *allocator_->Alloc({Bytes(4096)});
  TakeAll(/*back=*/false);
  for (const PercpuPtr area : areas) ASSERT_TRUE(allocator_->Free(area).ok());
  allocator_->Balance();
  EXPECT_TRUE(allocator_->Alloc({Bytes(4096)}).ok());
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok());
}

TEST_F(TakenMemoryTest, ALeasesMapThatIsGoneIsShownAsThat) {
  const auto lease = allocator_->LeaseChunk();
  ASSERT_TRUE(lease.ok());
  TakeAll(/*back=*/false);
  const auto shown = Inspector(*allocator_).GetLease(lease->id);
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(ReasonOf(shown->verdict), "MEMORY_TAKEN");
  EXPECT_TRUE(allocator_->ReturnLease(lease->id).ok());
}

TEST_F(TakenMemoryTest, WhatWasPunchedReadsZero) {
  const PercpuPtr area = *allocator_->Alloc({Bytes(64)});
  const auto pin = allocator_->Touch(area, Bytes(8));
  std::array<std::byte, 8> bytes{std::byte{9}};
  ASSERT_TRUE(pin->Write(UnitId(0), bytes).ok());
  TakeAll(/*back=*/true);
  ASSERT_TRUE(pin->Read(UnitId(0), bytes).ok());
  EXPECT_EQ(bytes[0], std::byte{0});
}

}  // namespace
}  // namespace percpud
