// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/stray_pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "server/arena/arena.h"
#include "server/percpu/allocator/balancer.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"

namespace percpud {
namespace {

constexpr Bytes kArena{8 << 20};

class StrayPagesTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    arena_ = *Arena::Create({.size = kArena});
    Allocator::Options options;
    options.clock = &clock_;
    allocator_ = *testing::MakeAllocator(
        {.cpus = 2, .unit_size = Bytes(64 << 10), .arena_size = kArena, .backend = GetParam()},
        *arena_, options);
    Pass();
  }
  BootTime Pass() {
    clock_.Advance(StrayPages::kInterval);
    return Balancer(allocator_->core()).Pass();
  }
  // Reads every page, as a client may that maps the arena for reading.
  void ReadAll() const {
    auto* const view = static_cast<const volatile char*>(
        mmap(nullptr, kArena.value(), PROT_READ, MAP_SHARED, arena_->fd(), 0));
    ASSERT_NE(view, MAP_FAILED);
    for (std::size_t at = 0; at < kArena.value(); at += kBasePageSize.value()) {
      static_cast<void>(view[at]);
    }
    munmap(const_cast<char*>(view), kArena.value());
  }

  testing::FakeClock clock_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<Allocator> allocator_;
};

TEST_P(StrayPagesTest, WhatIsBackedByReadersIsGivenBackAndNothingElse) {
  const AreaSpec spec{.size = Bytes(4096)};
  PercpuPtr area;
  ASSERT_TRUE(allocator_->AllocBatch(std::span(&spec, 1), {}, std::span(&area, 1)).ok());
  std::byte* const bytes = arena_->base() + area.value();
  std::memset(bytes, 7, 4096);
  Pass();
  const Bytes before = *arena_->BackedBytes();
  ReadAll();
  EXPECT_EQ(*arena_->BackedBytes(), kArena);
  EXPECT_LT(Pass(), BootTime::InfiniteFuture());
  EXPECT_EQ(*arena_->BackedBytes(), before);
  EXPECT_EQ(Inspector(*allocator_).GetStats().stray_bytes_released, kArena - before);
  EXPECT_EQ(bytes[0], std::byte{7});
  EXPECT_EQ(bytes[4095], std::byte{7});
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok());
}

INSTANTIATE_TEST_SUITE_P(Backends, StrayPagesTest, ::testing::Values("km", "vm"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace percpud
