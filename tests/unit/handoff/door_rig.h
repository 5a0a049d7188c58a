// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_HANDOFF_DOOR_RIG_H_
#define PERCPUD_TESTS_UNIT_HANDOFF_DOOR_RIG_H_

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <variant>

#include "absl/time/clock.h"
#include "server/arena/arena.h"
#include "server/handoff/closer.h"
#include "server/handoff/door.h"
#include "server/handoff/layout_writer.h"
#include "server/session/access/peer.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/process.h"
#include "tests/unit/handoff/visitor.h"

namespace percpud::testing {

inline int OpenFds() {
  int count = 0;
  DIR* dir = opendir("/proc/self/fd");
  while (readdir(dir) != nullptr) ++count;
  closedir(dir);
  return count;
}

// A door as the daemon has it, over an arena of its own.
class DoorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto arena = Arena::Create({.size = Bytes(1 << 20)});
    ASSERT_TRUE(arena.ok()) << arena.status();
    arena_ = *std::move(arena);
    auto allocator = MakeAllocator({.arena_size = arena_->size()}, *arena_, {});
    ASSERT_TRUE(allocator.ok()) << allocator.status();
    allocator_ = *std::move(allocator);
    auto layout = PublishedLayout::Publish(
        EncodeLayout(allocator_->info(), PlaceCpus(allocator_->info(), 4),
                     {.arena_size = arena_->size(), .page_size = arena_->page_size()}));
    ASSERT_TRUE(layout.ok()) << layout.status();
    layout_ = *std::move(layout);
    Sessions::Options options;
    options.clock = &clock_;
    options.limits.sessions = 20000;
    options.limits.sessions_per_user = 20000;
    sessions_ = std::make_unique<Sessions>(*allocator_, std::move(options));
    OpenDoor({});
  }

  void OpenDoor(Door::Options options, bool starts = true) {
    door_.reset();
    options.path = dir_.path() + "/door";
    options.needed_abilities = abi::v1::kCanRseq;
    options.arena_fd = arena_->fd();
    options.layout_fd = layout_.fd();
    options.clock = &clock_;
    options.closer = &closer_;
    auto door = Door::Bind(*sessions_, std::move(options));
    ASSERT_TRUE(door.ok()) << door.status();
    door_ = *std::move(door);
    // Until its own end, in which its threads still end sessions.
    sessions_->set_ended([served = door_.get()](SessionId id) { served->HangUp(id); });
    if (starts) door_->Start();
  }

  [[nodiscard]] bool AwaitSessions(std::size_t count) const {
    const absl::Time deadline = absl::Now() + kPatience;
    while (sessions_->List(SessionId(0), 1 << 20).size() != count) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(1));
    }
    return true;
  }
  // Waits until at most `count` descriptors are open. What peers made is closed elsewhere,
  // and so a little later; some of it may have been open when `count` was taken.
  static bool AwaitFds(int count) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (OpenFds() > count) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(1));
    }
    return true;
  }
  // A session of this process that waits to be resumed.
  Token MakeWaiting() {
    Visitor visitor(door_->path());
    visitor.Say(GoodHello());
    const Reply reply = visitor.Hear();
    const auto caller = sessions_->Find(std::get<Welcome>(reply.said).token);
    const auto session = sessions_->Open({.kind = SessionKind::kLocalReadWrite,
                                          .peer = sessions_->List(caller->session, 1)[0].spec.peer,
                                          .role = Role::kClient,
                                          .started = StartOf(ProcessId(getpid())).value_or(0)});
    EXPECT_TRUE(session.ok()) << session.status();
    sessions_->Detach(session->id);
    return session->token;
  }
  // A decent visitor is admitted: the door is alive and well.
  void ExpectOpen() {
    Visitor visitor(door_->path());
    visitor.Say(GoodHello());
    EXPECT_TRUE(std::holds_alternative<Welcome>(visitor.Hear().said));
  }

  // What a process of another user is told.
  static constexpr int kAdmitted = 0;
  static constexpr int kRefused = 1;
  int AskAsNobody() {
    const pid_t child = fork();
    if (child == 0) {
      if (chmod((dir_.path()).c_str(), 0755) != 0 || chmod(door_->path().c_str(), 0666) != 0 ||
          setuid(65534) != 0) {
        _exit(2);
      }
      Visitor visitor(door_->path());
      visitor.Say(GoodHello());
      _exit(std::holds_alternative<Refusal>(visitor.Hear().said) ? kRefused : kAdmitted);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  }

  TempDir dir_;
  SystemClock clock_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<Allocator> allocator_;
  PublishedLayout layout_;
  std::unique_ptr<Sessions> sessions_;
  Closer closer_;
  std::unique_ptr<Door> door_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_HANDOFF_DOOR_RIG_H_
