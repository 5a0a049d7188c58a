// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A member at a door that the test keeps: what is waited out, what is final.

#include "percpu/internal/door/membership.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "tests/unit/sdk/fake_door.h"

namespace percpu {
namespace {

using testing::FakeDoor;

constexpr absl::Duration kPatience = absl::Seconds(20);

class Observer final : public MembershipObserver {
 public:
  absl::Status OnAdmission(const Admission& /*admission*/) override {
    absl::MutexLock lock(&mu_);
    ++admissions_;
    return verdict_;
  }
  void OnState(SessionState state, const absl::Status& /*why*/) override {
    std::function<void()> act;
    {
      absl::MutexLock lock(&mu_);
      if (state == awaited_) act = std::exchange(act_, nullptr);
    }
    if (act) act();
    absl::MutexLock lock(&mu_);
    states_.push_back(state);
  }

  // Acts when the state next becomes `state`, on the thread that tells it.
  void OnNext(SessionState state, std::function<void()> act) {
    absl::MutexLock lock(&mu_);
    awaited_ = state;
    act_ = std::move(act);
  }

  // From now on admissions are refused by the process itself.
  void Refuse(absl::Status verdict) {
    absl::MutexLock lock(&mu_);
    verdict_ = std::move(verdict);
  }
  // Whether the last news is this, in a while.
  [[nodiscard]] bool Awaits(SessionState state) {
    absl::MutexLock lock(&mu_);
    const auto is_it = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return !states_.empty() && states_.back() == state;
    };
    return mu_.AwaitWithTimeout(absl::Condition(&is_it), kPatience);
  }
  [[nodiscard]] std::vector<SessionState> states() {
    absl::MutexLock lock(&mu_);
    return states_;
  }

 private:
  absl::Mutex mu_;
  absl::Status verdict_ ABSL_GUARDED_BY(mu_);
  int admissions_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<SessionState> states_ ABSL_GUARDED_BY(mu_);
  SessionState awaited_ ABSL_GUARDED_BY(mu_) = SessionState::kConnected;
  std::function<void()> act_ ABSL_GUARDED_BY(mu_);
};

class MembershipTest : public ::testing::Test {
 protected:
  // Joins, and is let in as session 7.
  FakeDoor::Visitor Enter(std::uint32_t version = percpud::abi::v1::kHandoffVersion) {
    absl::Status status;
    std::thread caller([&] { status = member_->Join(Deadline::After(kPatience)); });
    FakeDoor::Visitor visitor = door_.Receive();
    EXPECT_EQ(visitor.resumes(), "");
    FakeDoor::Welcome(visitor, 7, 'a', /*with_fds=*/true, version);
    caller.join();
    EXPECT_TRUE(status.ok()) << status;
    return visitor;
  }

  FakeDoor door_;
  Observer observer_;
  std::unique_ptr<Membership> member_ =
      std::make_unique<Membership>(Membership::Options{.door = door_.path()}, observer_);
};

TEST_F(MembershipTest, IsWaitingUntilItHasJoined) {
  EXPECT_EQ(member_->state(), SessionState::kWaiting);
  const FakeDoor::Visitor visitor = Enter();
  EXPECT_EQ(member_->state(), SessionState::kConnected);
  EXPECT_EQ(member_->Id(Deadline::Never()).value_or(SessionId{}), SessionId{7});
  EXPECT_EQ(member_->Token(Deadline::Never()).value_or(""), std::string(16, 'a'));
  // A session that is open is connected: that is no news.
  EXPECT_TRUE(observer_.states().empty());
}

TEST_F(MembershipTest, ComesBackUnderItsToken) {
  Enter();
  const FakeDoor::Visitor back = door_.Receive();
  EXPECT_EQ(back.resumes(), std::string(16, 'a'));
  EXPECT_EQ(member_->state(), SessionState::kWaiting);
  FakeDoor::Welcome(back, 7, 'b');
  EXPECT_TRUE(observer_.Awaits(SessionState::kConnected));
  EXPECT_EQ(member_->Token(Deadline::Never()).value_or(""), std::string(16, 'b'));
}

// Whatever a door says that is short of something, or new to its rules.
TEST_F(MembershipTest, PassingRefusalsAreWaitedOut) {
  Enter();
  for (const absl::StatusCode code :
       {absl::StatusCode::kResourceExhausted, absl::StatusCode::kUnavailable,
        absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kPermissionDenied,
        absl::StatusCode::kInternal, absl::StatusCode::kFailedPrecondition}) {
    const FakeDoor::Visitor visitor = door_.Receive();
    EXPECT_EQ(visitor.resumes(), std::string(16, 'a'));
    FakeDoor::Refuse(visitor, code);
  }
  // One that hangs up without a word, too.
  static_cast<void>(door_.Receive());
  const FakeDoor::Visitor visitor = door_.Receive();
  EXPECT_EQ(member_->state(), SessionState::kWaiting);
  FakeDoor::Welcome(visitor, 7, 'a');
  EXPECT_TRUE(observer_.Awaits(SessionState::kConnected));
  EXPECT_EQ(observer_.states(), (std::vector{SessionState::kWaiting, SessionState::kConnected}));
}

TEST_F(MembershipTest, ASessionThatHasEndedIsLost) {
  Enter();
  FakeDoor::Refuse(door_.Receive(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(observer_.Awaits(SessionState::kLost));
  EXPECT_EQ(member_->state(), SessionState::kLost);
  EXPECT_EQ(member_->Token(Deadline::Never()).status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_FALSE(door_.HasVisitor());
}

TEST_F(MembershipTest, AnotherArenaIsTheEnd) {
  Enter();
  observer_.Refuse(absl::NotFoundError("another arena"));
  FakeDoor::Welcome(door_.Receive(), 7, 'a');
  EXPECT_TRUE(observer_.Awaits(SessionState::kLost));
}

// Under a manager's sockets nobody accepts while the daemon is away. The first
// visit is the one that is answered, however long that takes.
TEST_F(MembershipTest, WaitsAtTheDoorWithoutACallsDeadline) {
  Enter();
  EXPECT_TRUE(observer_.Awaits(SessionState::kWaiting));
  FakeDoor::Visitor first = door_.Receive();
  // Calls that give up meanwhile do not end it.
  EXPECT_EQ(member_->Token(Deadline::After(absl::Milliseconds(20))).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(member_->Id(Deadline::Never()).value_or(SessionId{}), SessionId{7});
  EXPECT_FALSE(door_.HasVisitor());
  FakeDoor::Welcome(first, 7, 'a');
  EXPECT_TRUE(observer_.Awaits(SessionState::kConnected));
}

TEST_F(MembershipTest, ACallWaitsForADaemonThatIsAway) {
  Enter();
  const FakeDoor::Visitor back = door_.Receive();
  absl::StatusOr<std::string> token;
  std::thread caller([&] { token = member_->Token(Deadline::After(kPatience)); });
  FakeDoor::Welcome(back, 7, 'b');
  caller.join();
  EXPECT_EQ(token.value_or(""), std::string(16, 'b'));
}

TEST_F(MembershipTest, ACallThatWaitsHearsThatTheSessionIsLost) {
  Enter();
  const FakeDoor::Visitor back = door_.Receive();
  absl::Status status;
  std::thread caller([&] { status = member_->Lane(Deadline::Never()).status(); });
  FakeDoor::Refuse(back, absl::StatusCode::kNotFound);
  caller.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
}

// A child of a fork joins with its first call.
TEST_F(MembershipTest, AFirstCallWaitsForADaemonThatIsAway) {
  const std::string elsewhere = door_.path() + ".away";
  ASSERT_EQ(rename(door_.path().c_str(), elsewhere.c_str()), 0);
  absl::StatusOr<std::string> token;
  std::thread caller([&] { token = member_->Token(Deadline::After(kPatience)); });
  EXPECT_TRUE(observer_.Awaits(SessionState::kWaiting));
  ASSERT_EQ(rename(elsewhere.c_str(), door_.path().c_str()), 0);
  const FakeDoor::Visitor visitor = door_.Receive();
  FakeDoor::Welcome(visitor, 7, 'a');
  caller.join();
  EXPECT_EQ(token.value_or(""), std::string(16, 'a')) << token.status();
}

// The thread that the observer is called on is the one that comes back.
TEST_F(MembershipTest, ACallOfTheObserversDoesNotWait) {
  const FakeDoor::Visitor visitor = Enter();
  absl::Status status;
  observer_.OnNext(SessionState::kWaiting,
                   [&] { status = member_->Token(Deadline::Never()).status(); });
  shutdown(visitor.fd.get(), SHUT_RDWR);
  const FakeDoor::Visitor back = door_.Receive();
  FakeDoor::Welcome(back, 7, 'a');
  EXPECT_TRUE(observer_.Awaits(SessionState::kConnected));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

// A daemon that sends nonsense is left, and asked for the session anew.
TEST_F(MembershipTest, ALaneThatBrokeIsReplaced) {
  const FakeDoor::Visitor visitor = Enter(percpud::abi::v1::kHandoffLaneVersion);
  const auto lane = member_->Lane(Deadline::After(kPatience));
  ASSERT_TRUE(lane.ok() && *lane != nullptr) << lane.status();
  ASSERT_EQ(send(visitor.fd.get(), "nonsense", 8, MSG_NOSIGNAL), 8);
  LaneAttempt attempt{.lane = **lane, .deadline = Deadline::After(kPatience)};
  const auto ping = [](percpud::abi::v1::LaneRequestWriter& message, std::uint64_t id) {
    return message.Ping(id);
  };
  EXPECT_EQ((*lane)->Call(ping, attempt).status().code(), absl::StatusCode::kUnavailable);
  const FakeDoor::Visitor back = door_.Receive();
  EXPECT_EQ(back.resumes(), std::string(16, 'a'));
  FakeDoor::Welcome(back, 7, 'a', /*with_fds=*/true, percpud::abi::v1::kHandoffLaneVersion);
  const auto next = member_->Lane(Deadline::After(kPatience));
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_NE(*next, *lane);
}

TEST_F(MembershipTest, AJoinEndsAtItsDeadline) {
  EXPECT_EQ(member_->Join(Deadline::After(absl::Milliseconds(20))).code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(member_->state(), SessionState::kWaiting);
}

TEST_F(MembershipTest, JoiningLaterGoesOnInTheBackground) {
  member_->JoinLater();
  EXPECT_TRUE(observer_.Awaits(SessionState::kWaiting));
  FakeDoor::Refuse(door_.Receive(), absl::StatusCode::kResourceExhausted);
  const FakeDoor::Visitor visitor = door_.Receive();
  EXPECT_EQ(visitor.resumes(), "");
  FakeDoor::Welcome(visitor, 9, 'c');
  EXPECT_TRUE(observer_.Awaits(SessionState::kConnected));
  EXPECT_EQ(member_->Id(Deadline::Never()).value_or(SessionId{}), SessionId{9});
}

// Ends while it waits at the door, and while it pauses between two visits.
TEST_F(MembershipTest, ItsEndWaitsForNobody) {
  Enter();
  const FakeDoor::Visitor waiting = door_.Receive();
  member_.reset();
  EXPECT_TRUE(FakeDoor::HasLeft(waiting));
}

TEST_F(MembershipTest, ALostMemberStaysLost) {
  Membership lost({.door = door_.path(), .lost = absl::CancelledError("as the parent")}, observer_);
  EXPECT_EQ(lost.Join(Deadline::Never()).code(), absl::StatusCode::kUnauthenticated);
  lost.JoinLater();
  EXPECT_EQ(lost.state(), SessionState::kLost);
  EXPECT_FALSE(door_.HasVisitor());
}

// The parent's session ends with the parent, though a child has its descriptors.
TEST_F(MembershipTest, AChildDoesNotKeepTheParentsDoorOpen) {
  const FakeDoor::Visitor parents = Enter();
  int release[2];
  ASSERT_EQ(pipe(release), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(release[1]);
    char byte = 0;
    _exit(read(release[0], &byte, 1) == 0 ? 0 : 1);
  }
  member_.reset();
  EXPECT_TRUE(FakeDoor::HasLeft(parents));
  close(release[1]);
  close(release[0]);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(MembershipTest, AResumedSessionDoesWithoutDescriptorsItCannotTake) {
  Enter();
  const FakeDoor::Visitor back = door_.Receive();
  // Takes all the descriptors that this process may have.
  std::vector<percpud::UniqueFd> all;
  while (true) {
    percpud::UniqueFd fd(dup(0));
    if (!fd.ok()) break;
    all.push_back(std::move(fd));
  }
  // The test's own memfd.
  all.resize(all.size() - 1);
  FakeDoor::Welcome(back, 7, 'd');
  EXPECT_TRUE(observer_.Awaits(SessionState::kConnected));
}

TEST(KnockTest, AFullBacklogIsWaitedForToTheDeadline) {
  const FakeDoor door(/*backlog=*/0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, door.path().c_str(), sizeof(address.sun_path) - 1);
  std::vector<percpud::UniqueFd> crowd;
  while (true) {
    percpud::UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) break;
    crowd.push_back(std::move(fd));
  }
  ASSERT_EQ(errno, EAGAIN);
  EXPECT_EQ(
      Knock(door.path(), {}, {.deadline = Deadline::After(absl::Milliseconds(50))}).status().code(),
      absl::StatusCode::kDeadlineExceeded);
}

TEST(KnockTest, NobodyThereIsUnavailable) {
  EXPECT_EQ(Knock("/nonexistent/door", {}, {}).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace percpu
