// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SESSION_SESSION_RIG_H_
#define PERCPUD_TESTS_UNIT_SESSION_SESSION_RIG_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "server/percpu/introspect/inspector.h"
#include "server/session/sessions.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud::testing {

// Sessions over an allocator with room for four chunks; tokens count up.
class SessionTest : public ::testing::Test {
 protected:
  static constexpr UserId kAlice{1000};
  static constexpr UserId kBob{1001};

  void SetUp() override { Restart({}); }
  void TearDown() override {
    if (!books_spoilt_) ExpectSound();
  }
  void ExpectSound() const {
    const auto areas = sessions_->CheckInvariants();
    EXPECT_TRUE(areas.ok()) << areas.status();
  }

  // Anew, with these limits.
  void Restart(Sessions::Options options) {
    sessions_.reset();
    auto made = MakeAllocator({.arena_size = pages_.size()}, pages_, {});
    ASSERT_TRUE(made.ok()) << made.status();
    allocator_ = *std::move(made);
    options.clock = &clock_;
    options.make_token = [this] {
      Token token{};
      const std::uint64_t number = ++tokens_;
      static_assert(sizeof(number) <= sizeof(token));
      std::memcpy(token.data(), &number, sizeof(number));
      return token;
    };
    sessions_ = std::make_unique<Sessions>(*allocator_, std::move(options));
  }

  OpenedSession Open(UserId user = kAlice, SessionKind kind = SessionKind::kLocalReadWrite) {
    const auto opened = sessions_->Open(
        {.kind = kind, .peer = Peer{.pid = ProcessId(7), .uid = user}, .command = "shard"});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *opened : OpenedSession{};
  }
  Caller CallerOf(const OpenedSession& session) {
    const auto caller = sessions_->Find(session.token);
    EXPECT_TRUE(caller.has_value());
    return caller.value_or(Caller{});
  }
  absl::StatusOr<PercpuPtr> Alloc(const Caller& caller, Bytes size) {
    const AreaSpec spec{.size = size};
    PercpuPtr pointer;
    absl::Status status =
        sessions_->areas().AllocBatch(caller, std::span(&spec, 1), {}, std::span(&pointer, 1));
    if (!status.ok()) return status;
    return pointer;
  }
  // Time passes as it does under a reaper that runs. Returns how many sessions it ended.
  std::size_t Pass(absl::Duration time) {
    std::size_t reaped = 0;
    for (; time > absl::ZeroDuration(); time -= Sessions::kReapInterval) {
      clock_.Advance(std::min(time, Sessions::kReapInterval));
      reaped += sessions_->ReapExpired();
    }
    return reaped;
  }
  PercpuPtr MustAlloc(const Caller& caller, Bytes size) {
    const auto pointer = Alloc(caller, size);
    EXPECT_TRUE(pointer.ok()) << pointer.status();
    return pointer.value_or(PercpuPtr(0));
  }
  absl::Status Free(const Caller& caller, std::vector<PercpuPtr> pointers) {
    return sessions_->areas().FreeBatch(caller, pointers).status();
  }
  Usage UseOf(SessionId id) {
    const auto list = sessions_->List(id, 1);
    EXPECT_EQ(list.size(), 1U);
    return list.empty() ? Usage{} : WithoutRecords(list[0].use);
  }
  // What the catalog would need is another test's business.
  static Usage WithoutRecords(Usage use) {
    use.records = Bytes(0);
    return use;
  }
  // kNoSession if no session owns it.
  SessionId OwnerOf(PercpuPtr area) {
    const auto owner = sessions_->areas().OwnerOf(area);
    return owner ? owner->session : kNoSession;
  }
  std::vector<LeaseRecord> Leases() { return sessions_->leases().List(ChunkId(0), 100); }
  std::uint64_t LiveAreas() { return Inspector(*allocator_).GetStats().nr_cur_alloc; }

  inline static const Caller kOperator{.role = Role::kOperator};
  HeapPageSource pages_{Bytes(1 << 20)};
  FakeClock clock_;
  std::atomic<std::uint64_t> tokens_ = 0;
  // The test has done what no caller can.
  bool books_spoilt_ = false;
  std::unique_ptr<Allocator> allocator_;
  std::unique_ptr<Sessions> sessions_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_SESSION_SESSION_RIG_H_
