// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SERVICE_SERVICE_RIG_H_
#define PERCPUD_TESTS_UNIT_SERVICE_SERVICE_RIG_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "server/service/callers.h"
#include "server/service/memory_handlers.h"
#include "server/service/service_limits.h"
#include "server/session/sessions.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud::testing {

// Four CPUs of 64 KiB units, a reserved part, room for four chunks. Small
// limits, so that a test can reach them.
class ServiceTest : public ::testing::Test {
 protected:
  static constexpr Bytes kArenaSize{1 << 20};

  void SetUp() override {
    Make({.cpus = 4,
          .unit_size = Bytes(64 << 10),
          .static_size = Bytes(4096),
          .reserved_size = Bytes(8192),
          .arena_size = kArenaSize,
          .backend = "km"});
  }
  void Make(const Geometry& geometry) {
    auto made = MakeAllocator(geometry, pages_, {});
    ASSERT_TRUE(made.ok()) << made.status();
    allocator_ = *std::move(made);
    sessions_ = std::make_unique<Sessions>(*allocator_, SessionOptions());
    updater_ = std::make_unique<Updater>(allocator_->info(), PlaceCpus(allocator_->info(), 1),
                                         Updater::Mode::kAtomic, 1);
    // In-process calls have no peer: their maker may do anything.
    callers_ = std::make_unique<Callers>(*sessions_, AccessRules{.remote = Role::kOperator});
  }

  Sessions::Options SessionOptions() {
    Sessions::Options options;
    options.clock = &clock_;
    return options;
  }
  Calls MakeCalls() {
    return {
        *allocator_, *sessions_, *updater_, {.batch = kLimits.batch, .transfer = kLimits.transfer}};
  }

  // A refusal leaves no trace but its counter.
  void ExpectUntouched() {
    EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0U);
    EXPECT_EQ(Inspector(*allocator_).GetStats().nr_alloc, 0U);
    EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
        << Inspector(*allocator_).CheckInvariants();
  }

  PercpuPtr Grant(Bytes size, Bytes alignment = kDefaultAlign, absl::string_view tag = {}) {
    const AreaSpec spec{.size = size, .alignment = alignment};
    PercpuPtr pointer;
    const absl::Status status = sessions_->areas().AllocBatch(
        kOperator, std::span(&spec, 1), {.region = Region::kDynamic, .no_grow = false, .tag = tag},
        std::span(&pointer, 1));
    EXPECT_TRUE(status.ok()) << status;
    return status.ok() ? pointer : PercpuPtr(0);
  }

  inline static const Caller kOperator{.role = Role::kOperator};
  static constexpr ServiceLimits kLimits{.batch = 8, .transfer = Bytes(1024), .watchers = 8};

  HeapPageSource pages_{kArenaSize};
  FakeClock clock_;
  std::unique_ptr<Allocator> allocator_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<Updater> updater_;
  std::unique_ptr<Callers> callers_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_SERVICE_SERVICE_RIG_H_
