// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is entered and not committed is invisible to others, and waits for nobody.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "tests/unit/session/restart_rig.h"

namespace percpud {
namespace {

class InFlightTest : public testing::RestartTest {
 protected:
  void SetUp() override {
    RestartTest::SetUp();
    alice_ = Open(1);
    other_ = Open(2);
  }
  // Runs `call` on another thread, stops it in its commit, runs `meanwhile`, and lets the
  // commit end, refused or not.
  absl::Status Stopped(const std::function<absl::Status()>& call, bool refused,
                       const std::function<void()>& meanwhile) {
    absl::Notification stopped;
    absl::Notification go_on;
    std::atomic<bool> first = true;
    is_full_ = [&] {
      if (first.exchange(false)) {
        stopped.Notify();
        go_on.WaitForNotification();
      }
      return refused;
    };
    auto result = std::async(std::launch::async, call);
    stopped.WaitForNotification();
    meanwhile();
    go_on.Notify();
    absl::Status status = result.get();
    is_full_ = nullptr;
    return status;
  }
  absl::Status OpenCounter(const OpenedSession& session, const std::string& name) {
    return sessions_->variables()
        .Open(CallerOf(session), {.name = name, .size = Bytes(8), .create = true})
        .status();
  }
  void ExpectSound() {
    const auto areas = sessions_->CheckInvariants();
    EXPECT_TRUE(areas.ok()) << areas.status();
  }

  OpenedSession alice_;
  OpenedSession other_;
};

TEST_F(InFlightTest, AVariableBeingMadeIsNotThere) {
  for (const bool refused : {true, false}) {
    const absl::Status status = Stopped([&] { return OpenCounter(alice_, "v"); }, refused,
                                        [&] {
                                          EXPECT_TRUE(sessions_->variables().List("", 10).empty());
                                          ExpectSound();
                                        });
    EXPECT_EQ(status.ok(), !refused) << status;
    EXPECT_EQ(sessions_->variables().List("", 10).size(), refused ? 0U : 1U);
    ExpectSound();
  }
}

TEST_F(InFlightTest, AVariableBeingRemovedIsStillThere) {
  ASSERT_TRUE(OpenCounter(alice_, "v").ok());
  for (const bool refused : {true, false}) {
    const absl::Status status =
        Stopped([&] { return sessions_->variables().Remove(CallerOf(alice_), "v"); }, refused,
                [&] { EXPECT_EQ(sessions_->variables().List("", 10).size(), 1U); });
    EXPECT_EQ(status.ok(), !refused) << status;
    EXPECT_EQ(sessions_->variables().List("", 10).size(), refused ? 1U : 0U);
    ExpectSound();
  }
}

// Another change of what is in flight comes after it, and finds what came of it.
TEST_F(InFlightTest, WhoeverOpensItMeanwhileGetsTheOneOrMakesIt) {
  for (const bool refused : {true, false}) {
    const std::string name = refused ? "refused" : "made";
    std::future<absl::StatusOr<OpenedVariable>> second;
    const absl::Status first =
        Stopped([&] { return OpenCounter(alice_, name); }, refused,
                [&] {
                  second = std::async(std::launch::async, [&] {
                    return sessions_->variables().Open(
                        CallerOf(other_), {.name = name, .size = Bytes(8), .create = true});
                  });
                });
    const absl::StatusOr<OpenedVariable> opened = second.get();
    EXPECT_EQ(first.ok(), !refused);
    // The second may have met the full catalog, too.
    if (!refused) {
      ASSERT_TRUE(opened.ok()) << opened.status();
      EXPECT_FALSE(opened->created);
    }
    ExpectSound();
  }
}

TEST_F(InFlightTest, AnAreaBeingFreedIsItsOwnersUntilThen) {
  const PercpuPtr area = *Alloc(CallerOf(alice_), Bytes(64));
  const absl::Status refused = Stopped([&] { return Free(CallerOf(alice_), area).status(); }, true,
                                       [&] {
                                         EXPECT_EQ(OwnerOf(area), alice_.id);
                                         EXPECT_EQ(sessions_->List(alice_.id, 1)[0].use.areas, 1U);
                                       });
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(OwnerOf(area), alice_.id);
  EXPECT_TRUE(Free(CallerOf(alice_), area).ok());
}

// The end waits for what is being committed, and takes all of it.
TEST_F(InFlightTest, ASessionThatEndsLeavesNothingInFlight) {
  for (const bool refused : {true, false}) {
    const OpenedSession session = Open(3);
    const Caller caller = CallerOf(session);
    std::future<bool> ended;
    const absl::Status status = Stopped(
        [&] { return Alloc(caller, Bytes(64)).status(); }, refused,
        [&] {
          ended = std::async(std::launch::async, [&] { return sessions_->End(session.id); });
        });
    EXPECT_TRUE(ended.get());
    EXPECT_EQ(status.ok(), !refused) << status;
    EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0U);
    ExpectSound();
  }
}

// A full catalog, and two threads that make and remove one name: whatever is refused,
// both find books that they can go on with.
TEST_F(InFlightTest, MakersAndRemoversOfOneNameMeetAFullCatalog) {
  std::atomic<unsigned> commits = 0;
  is_full_ = [&commits] { return ++commits % 3 != 0; };
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (const OpenedSession& session : {alice_, other_}) {
    const Caller caller = CallerOf(session);
    threads.emplace_back([this, caller, &stop] {
      while (!stop) {
        sessions_->variables()
            .Open(caller, {.name = "v", .size = Bytes(8), .create = true})
            .IgnoreError();
        sessions_->variables().Remove(caller, "v", true).IgnoreError();
      }
    });
  }
  for (int i = 0; i < 200; ++i) ExpectSound();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  is_full_ = nullptr;
  sessions_->End(alice_.id);
  sessions_->End(other_.id);
  sessions_->variables().Remove(kOperator, "v").IgnoreError();
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0U);
  ExpectSound();
}

}  // namespace
}  // namespace percpud
