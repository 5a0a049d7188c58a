// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Random operations against naive intervals (tests/support/allocator_model.h):
// over ten million in one run, a part of them with every byte of every unit
// under canaries.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "server/arena/arena.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_model.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using testing::AllocatorModel;
using testing::FakeClock;
using testing::Geometry;
using testing::MakeAllocator;
using testing::Mix;

// Sanitizers take ten to twenty times as long.
#if defined(PERCPUD_ASAN) || defined(PERCPUD_TSAN)
constexpr std::uint64_t kShare = 20;
#else
constexpr std::uint64_t kShare = 1;
#endif

struct Course {
  std::string name;
  Geometry geometry;
  Mix mix;
  std::uint64_t operations;
  bool canaries;
};

std::ostream& operator<<(std::ostream& out, const Course& course) { return out << course.name; }

class AllocatorProperties : public ::testing::TestWithParam<Course> {};

TEST_P(AllocatorProperties, HoldAfterEveryOperation) {
  const Course& course = GetParam();
  const FakeClock clock;
  Allocator::Options options;
  options.clock = &clock;
  options.zero = course.canaries;
  std::unique_ptr<PageSource> pages;
  if (course.canaries) {
    pages = *Arena::Create({.size = course.geometry.arena_size});
  } else {
    pages = std::make_unique<testing::NullPageSource>(course.geometry.arena_size);
  }
  auto allocator = MakeAllocator(course.geometry, *pages, options);
  ASSERT_TRUE(allocator.ok()) << allocator.status();
  AllocatorModel model(**allocator, course.mix, /*seed=*/course.operations, course.canaries);
  const std::uint64_t operations = course.operations / kShare;
  for (std::uint64_t op = 0; op < operations; ++op) {
    const absl::Status status = model.Step();
    ASSERT_TRUE(status.ok()) << status;
    if (op % (operations / 50) == 0) {
      const absl::Status all = model.CheckAll();
      ASSERT_TRUE(all.ok()) << all;
    }
  }
  EXPECT_GT(model.growths(), 0u);
  const absl::Status drained = model.Drain();
  ASSERT_TRUE(drained.ok()) << drained;
  EXPECT_EQ(Inspector(**allocator).GetStats().nr_cur_alloc, 0u);
}

Course Small() {
  return {.name = "small",
          .geometry = {.cpus = 2},
          .mix = {.alloc = 53, .largest = Bytes(128), .most_live = 20000},
          .operations = 4'000'000,
          .canaries = false};
}
Course Mixed() {
  return {.name = "mixed",
          .geometry = {.cpus = 3, .reserved_size = Bytes(8 << 10)},
          .mix = {.alloc = 55, .reserved = 5, .largest = Bytes(8192), .most_live = 3000},
          .operations = 3'000'000,
          .canaries = false};
}
Course Large() {
  return {.name = "large",
          .geometry = {.cpus = 2, .unit_size = Bytes(256 << 10)},
          .mix = {.alloc = 60, .aligned = 80, .largest = Bytes(256 << 10), .most_live = 300},
          .operations = 2'000'000,
          .canaries = false};
}
// An arena of a few chunks: most requests meet its end.
Course Exhausted() {
  return {.name = "exhausted",
          .geometry = {.cpus = 4, .arena_size = Bytes(1 << 20)},
          .mix = {.alloc = 70, .no_grow = 30, .largest = Bytes(16384)},
          .operations = 2'000'000,
          .canaries = false};
}
Course Canaries() {
  return {
      .name = "canaries",
      .geometry = {.cpus = 3, .reserved_size = Bytes(4096), .arena_size = Bytes(8 << 20)},
      .mix = {.alloc = 55, .balance = 5, .reserved = 5, .largest = Bytes(2048), .most_live = 1500},
      .operations = 300'000,
      .canaries = true};
}

// Blocks backed and given back one by one.
Course Paged() {
  return {
      .name = "paged",
      .geometry = {.cpus = 3,
                   .reserved_size = Bytes(4096),
                   .arena_size = Bytes(8 << 20),
                   .backend = "vm"},
      .mix = {.alloc = 52, .balance = 5, .reserved = 5, .largest = Bytes(4096), .most_live = 1500},
      .operations = 300'000,
      .canaries = true};
}

// The units out of step with the pages.
Course Skewed() {
  return {
      .name = "skewed",
      .geometry = {.cpus = 5, .reserved_size = Bytes(4096), .unit_skew = Bytes(64)},
      .mix = {.alloc = 60, .balance = 0, .reserved = 5, .largest = Bytes(2048), .most_live = 1500},
      .operations = 60'000,
      .canaries = true};
}

INSTANTIATE_TEST_SUITE_P(Courses, AllocatorProperties,
                         ::testing::Values(Small(), Mixed(), Large(), Exhausted(), Canaries(),
                                           Paged(), Skewed()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace percpud
