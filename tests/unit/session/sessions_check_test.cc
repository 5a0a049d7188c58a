// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "server/session/sessions.h"
#include "tests/unit/session/session_rig.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;

class SessionsCheckTest : public testing::SessionTest {
 protected:
  std::string Problem() {
    books_spoilt_ = true;
    return std::string(sessions_->CheckInvariants().status().message());
  }
};

TEST_F(SessionsCheckTest, CountsWhatIsOwnedOrNamed) {
  const Caller alice = CallerOf(Open());
  for (int i = 0; i < 10; ++i) MustAlloc(alice, Bytes(32));
  ASSERT_TRUE(
      sessions_->variables()
          .Open(alice,
                {.name = "hits", .type = VariableType::kCounter, .size = Bytes(8), .create = true})
          .ok());
  ASSERT_TRUE(sessions_->leases().Lease(alice, "").ok());
  MustAlloc(kOperator, Bytes(8));  // no session's
  const auto areas = sessions_->CheckInvariants();
  ASSERT_TRUE(areas.ok()) << areas.status();
  EXPECT_EQ(*areas, 12U);
}

TEST_F(SessionsCheckTest, AnAreaThatTheAllocatorHasNotIsNamed) {
  const Caller alice = CallerOf(Open());
  MustAlloc(alice, Bytes(32));
  const PercpuPtr lost = MustAlloc(alice, Bytes(48));
  ASSERT_TRUE(allocator_->Free(lost).ok());
  EXPECT_THAT(Problem(), HasSubstr("no area of 48 bytes at " + std::to_string(lost.value())));
}

TEST_F(SessionsCheckTest, AnAreaOfAnotherSizeIsNamed) {
  const Caller alice = CallerOf(Open());
  const PercpuPtr area = MustAlloc(alice, Bytes(48));
  ASSERT_TRUE(allocator_->Free(area).ok());
  ASSERT_EQ(*allocator_->Alloc({.size = Bytes(16)}), area);
  EXPECT_THAT(Problem(), HasSubstr("no area of 48 bytes"));
}

TEST_F(SessionsCheckTest, ALeaseThatTheAllocatorHasNotIsNamed) {
  const Caller alice = CallerOf(Open());
  const auto lease = sessions_->leases().Lease(alice, "");
  ASSERT_TRUE(lease.ok()) << lease.status();
  ASSERT_TRUE(allocator_->ReturnLease(lease->chunk.id).ok());
  EXPECT_THAT(Problem(), HasSubstr("no lease"));
}

// Whatever is under way, a walk finds nothing.
TEST_F(SessionsCheckTest, IsSoundWhileRequestsComeAndGo) {
  std::atomic<bool> stop = false;
  constexpr int kShards = 2;
  std::vector<std::thread> shards;
  shards.reserve(kShards);
  for (int i = 0; i < kShards; ++i) {
    shards.emplace_back([this, &stop] {
      while (!stop) {
        const OpenedSession session = Open();
        const Caller caller = CallerOf(session);
        const PercpuPtr area = MustAlloc(caller, Bytes(64));
        MustAlloc(caller, Bytes(128));
        EXPECT_TRUE(Free(caller, {area}).ok());
        sessions_->End(session.id);
      }
    });
  }
  for (int i = 0; i < 500; ++i) ExpectSound();
  stop = true;
  for (std::thread& shard : shards) shard.join();
}

}  // namespace
}  // namespace percpud
