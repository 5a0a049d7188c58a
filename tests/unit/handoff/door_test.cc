// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/door.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "tests/unit/handoff/door_rig.h"

namespace percpud {
namespace {

using testing::DoorTest;
using testing::GoodHello;
using ::testing::HasSubstr;
using testing::Hello;
using testing::MapMode;
using testing::Refusal;
using testing::Reply;
using testing::Visitor;
using testing::Welcome;

// A process that may have one more descriptor, for as long as this lives.
class OneMoreDescriptor {
 public:
  OneMoreDescriptor() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd lowest(dup(STDIN_FILENO));
    const rlimit few{.rlim_cur = static_cast<rlim_t>(lowest.get()) + 1,
                     .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  ~OneMoreDescriptor() { setrlimit(RLIMIT_NOFILE, &before_); }
  OneMoreDescriptor(const OneMoreDescriptor&) = delete;
  OneMoreDescriptor& operator=(const OneMoreDescriptor&) = delete;

 private:
  rlimit before_{};
};

absl::Duration ProcessorTime() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

TEST_F(DoorTest, AClientGetsTheArenaTheLayoutAndAToken) {
  Visitor visitor(door_->path());
  visitor.Say(GoodHello());
  const Reply reply = visitor.Hear();
  ASSERT_TRUE(std::holds_alternative<Welcome>(reply.said));
  const auto& welcome = std::get<Welcome>(reply.said);
  EXPECT_EQ(welcome.granted, static_cast<std::uint32_t>(MapMode::kReadWrite));
  ASSERT_EQ(reply.fds.size(), 2U);
  void* arena = mmap(nullptr, arena_->size().value(), PROT_READ | PROT_WRITE, MAP_SHARED,
                     reply.fds[0].get(), 0);
  ASSERT_NE(arena, MAP_FAILED);
  // The same memory: what one writes the other reads.
  static_cast<char*>(arena)[5000] = 'x';
  EXPECT_EQ(static_cast<char>(arena_->base()[5000]), 'x');
  munmap(arena, arena_->size().value());
  EXPECT_EQ(ftruncate(reply.fds[0].get(), 0), -1);
  EXPECT_EQ(mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, reply.fds[1].get(), 0), MAP_FAILED);
  const auto caller = sessions_->Find(welcome.token);
  ASSERT_TRUE(caller.has_value());
  EXPECT_EQ(caller->session.value(), welcome.session);
  // Root or not: a session has a client's power.
  EXPECT_EQ(caller->role, Role::kClient);
  const auto list = sessions_->List(SessionId(0), 2);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].spec.peer->pid, ProcessId(getpid()));
}

TEST_F(DoorTest, WhoeverComesWhenDescriptorsRanOutIsLetInLater) {
  constexpr absl::Duration kWithout = absl::Milliseconds(200);
  std::optional<OneMoreDescriptor> scarcity(std::in_place);
  const Visitor visitor(door_->path());
  visitor.Say(GoodHello());
  const absl::Duration before = ProcessorTime();
  EXPECT_FALSE(visitor.HearsWithin(kWithout));
  // The door does not spin meanwhile.
  EXPECT_LT(ProcessorTime() - before, kWithout / 2);
  scarcity.reset();
  EXPECT_TRUE(std::holds_alternative<Welcome>(visitor.Hear().said));
}

TEST_F(DoorTest, AViewerCannotWriteWhateverItTries) {
  Visitor visitor(door_->path());
  visitor.Say(GoodHello(MapMode::kReadOnly));
  const Reply reply = visitor.Hear();
  ASSERT_EQ(reply.fds.size(), 2U);
  const int fd = reply.fds[0].get();
  EXPECT_EQ(mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  EXPECT_EQ(pwrite(fd, "x", 1, 0), -1);
  EXPECT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
  void* view = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
  ASSERT_NE(view, MAP_FAILED);
  EXPECT_EQ(mprotect(view, 4096, PROT_READ | PROT_WRITE), -1);
  munmap(view, 4096);
}

TEST_F(DoorTest, WhoCannotUpdateAsTheArenaWantsMapsItReadOnly) {
  Visitor visitor(door_->path());
  visitor.Say(GoodHello(MapMode::kReadWrite, abi::v1::kCanAtomic));
  const Reply reply = visitor.Hear();
  ASSERT_TRUE(std::holds_alternative<Welcome>(reply.said));
  EXPECT_EQ(std::get<Welcome>(reply.said).granted, static_cast<std::uint32_t>(MapMode::kReadOnly));
}

TEST_F(DoorTest, WhoWantsNoArenaGetsTheLayoutAlone) {
  Visitor visitor(door_->path());
  visitor.Say(GoodHello(MapMode::kNone));
  EXPECT_EQ(visitor.Hear().fds.size(), 1U);
}

TEST_F(DoorTest, RefusalsSayWhy) {
  Hello other = GoodHello();
  other.version = 99;
  Visitor visitor(door_->path());
  visitor.Say(other);
  const Reply reply = visitor.Hear();
  ASSERT_TRUE(std::holds_alternative<Refusal>(reply.said));
  EXPECT_THAT(std::string(std::get<Refusal>(reply.said).message.data()), HasSubstr("version 99"));
  other = GoodHello();
  other.wanted = 7;
  Visitor greedy(door_->path());
  greedy.Say(other);
  EXPECT_TRUE(std::holds_alternative<Refusal>(greedy.Hear().said));
  EXPECT_TRUE(AwaitSessions(0));
}

TEST_F(DoorTest, ASessionEndsWithItsConnectionAndTheOtherWayRound) {
  Visitor visitor(door_->path());
  visitor.Say(GoodHello());
  const Reply reply = visitor.Hear();
  ASSERT_TRUE(std::holds_alternative<Welcome>(reply.said));
  visitor.Leave();
  EXPECT_TRUE(AwaitSessions(0));

  Visitor second(door_->path());
  second.Say(GoodHello());
  const Reply welcome = second.Hear();
  ASSERT_TRUE(std::holds_alternative<Welcome>(welcome.said));
  sessions_->End(SessionId(std::get<Welcome>(welcome.said).session));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(second.Hear().said));
}

// The child holds a copy of the connection, which must not keep what its parent owns.
TEST_F(DoorTest, ASessionEndsWithItsProcessThoughAChildHoldsTheConnection) {
  int report[2];
  ASSERT_EQ(pipe(report), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    Visitor visitor(door_->path());
    visitor.Say(GoodHello());
    visitor.Hear();
    const pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    static_cast<void>(write(report[1], &child, sizeof(child)));
    pause();
    _exit(0);
  }
  pid_t child = 0;
  ASSERT_EQ(read(report[0], &child, sizeof(child)), static_cast<ssize_t>(sizeof(child)));
  EXPECT_TRUE(AwaitSessions(1));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  EXPECT_TRUE(AwaitSessions(0));
  kill(child, SIGKILL);
  close(report[0]);
  close(report[1]);
}

TEST_F(DoorTest, ASessionThatIsNotWaitingCannotBeResumed) {
  Visitor first(door_->path());
  first.Say(GoodHello());
  const Reply welcome = first.Hear();
  ASSERT_TRUE(std::holds_alternative<Welcome>(welcome.said));
  for (const Token& token : {std::get<Welcome>(welcome.said).token, Token{1, 2, 3}}) {
    Hello hello = GoodHello();
    hello.resume = token;
    Visitor second(door_->path());
    second.Say(hello);
    const Reply reply = second.Hear();
    ASSERT_TRUE(std::holds_alternative<Refusal>(reply.said));
    EXPECT_EQ(std::get<Refusal>(reply.said).code,
              static_cast<std::uint32_t>(absl::StatusCode::kNotFound));
  }
  EXPECT_EQ(sessions_->List(SessionId(0), 10).size(), 1U);
}

// A client asked while the daemon was away, gave up, and asked again: its first
// connection is still in the backlog.
TEST_F(DoorTest, AConnectionThatHasHungUpIsNotResumedFor) {
  const Token token = MakeWaiting();
  EXPECT_TRUE(AwaitSessions(1));
  OpenDoor({}, /*starts=*/false);
  Hello hello = GoodHello();
  hello.resume = token;
  for (int i = 0; i < 3; ++i) {
    Visitor stale(door_->path());
    stale.Say(hello);
  }
  Visitor living(door_->path());
  living.Say(hello);
  door_->Start();
  EXPECT_TRUE(std::holds_alternative<Welcome>(living.Hear().said));
  EXPECT_TRUE(sessions_->Find(token).has_value());
}

TEST_F(DoorTest, AnonymousPeersAreTurnedAwayUntilTheRulesSayOtherwise) {
  AccessRules rules;
  rules.clients = {};
  OpenDoor({.rules = rules});
  if (geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  EXPECT_EQ(AskAsNobody(), kRefused);
  door_->SetRules({});
  EXPECT_EQ(AskAsNobody(), kAdmitted);
  door_->SetRules(rules);
  EXPECT_EQ(AskAsNobody(), kRefused);
}

}  // namespace
}  // namespace percpud
