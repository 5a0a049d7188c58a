// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The door and the lane together: what version is spoken, and who ends a session.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "server/handoff/door.h"
#include "server/handoff/lane.h"
#include "tests/support/process.h"
#include "tests/unit/handoff/lane_rig.h"
#include "tests/unit/handoff/visitor.h"

namespace percpud {
namespace {

using testing::GoodHello;
using ::testing::HasSubstr;
using testing::Hello;
using testing::MapMode;
using testing::Refusal;
using testing::Reply;
using testing::Visitor;
using testing::Welcome;

Hello HelloOf(std::uint32_t version);

// A process that was admitted, and a child of it that has the connection too.
class Family {
 public:
  Family(const std::string& door, std::uint32_t version) {
    int report[2];
    if (pipe(report) != 0) return;
    parent_ = fork();
    if (parent_ == 0) {
      Visitor visitor(door);
      visitor.Say(HelloOf(version));
      visitor.Hear();
      const pid_t child = fork();
      if (child != 0) static_cast<void>(write(report[1], &child, sizeof(child)));
      while (true) pause();
    }
    EXPECT_EQ(read(report[0], &child_, sizeof(child_)), static_cast<ssize_t>(sizeof(child_)));
    close(report[0]);
    close(report[1]);
  }
  ~Family() {
    KillParent();
    KillChild();
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  void KillParent() {
    if (parent_ <= 0) return;
    kill(parent_, SIGKILL);
    waitpid(parent_, nullptr, 0);
    parent_ = 0;
  }
  void KillChild() {
    if (child_ > 0) kill(child_, SIGKILL);
    child_ = 0;
  }

 private:
  pid_t parent_ = 0;
  pid_t child_ = 0;
};

Hello HelloOf(std::uint32_t version) {
  Hello hello = GoodHello(MapMode::kNone);
  hello.version = version;
  return hello;
}

// Sessions, a lane and a door, wired as the daemon does.
class DoorLaneTest : public testing::SessionTest {
 protected:
  void SetUp() override {
    testing::SessionTest::SetUp();
    const std::uint32_t cpus = allocator_->info().units();
    updater_ = std::make_unique<Updater>(allocator_->info(), PlaceCpus(allocator_->info(), cpus),
                                         Updater::Mode::kAtomic, cpus);
    calls_ = std::make_unique<Calls>(*allocator_, *sessions_, *updater_, Calls::Limits{});
    auto lane =
        Lane::Create(*calls_, {.gone = [this](SessionId session) { door_->HangUp(session); },
                               .close = [this](UniqueFd fd) { closer_.Close(std::move(fd)); }});
    ASSERT_TRUE(lane.ok()) << lane.status();
    lane_ = *std::move(lane);
    OpenDoor(lane_.get());
    lane_->Start();
  }
  void TearDown() override {
    door_->Stop();
    lane_->Stop(BootTime::InfinitePast());
    testing::SessionTest::TearDown();
  }
  void OpenDoor(Lane* lane) {
    door_.reset();
    auto door = Door::Bind(*sessions_, {.path = dir_.path() + "/door",
                                        .arena_fd = memory_.get(),
                                        .layout_fd = memory_.get(),
                                        .clock = &system_clock_,
                                        .closer = &closer_,
                                        .lane = lane});
    ASSERT_TRUE(door.ok()) << door.status();
    door_ = *std::move(door);
    sessions_->set_ended([this](SessionId id) { door_->HangUp(id); });
    door_->Start();
  }

  // Admitted, with a Welcome of that version.
  std::uint64_t Admit(Visitor& visitor, const Hello& hello, std::uint32_t version) {
    visitor.Say(hello);
    const Reply reply = visitor.Hear();
    const auto* const welcome = std::get_if<Welcome>(&reply.said);
    EXPECT_NE(welcome, nullptr);
    if (welcome == nullptr) return 0;
    EXPECT_EQ(welcome->version, version);
    return welcome->session;
  }
  static bool AnswersPing(const Visitor& visitor) {
    std::array<std::byte, 64> memory{};
    abi::v1::LaneRequestWriter ask(memory);
    ask.Ping(17);
    visitor.Say(ask.message().data(), ask.message().size());
    if (!visitor.HearsWithin(testing::kPatience)) return false;
    std::array<std::byte, 64> heard{};
    const ssize_t bytes = recv(visitor.fd(), heard.data(), heard.size(), 0);
    if (bytes <= 0) return false;
    abi::v1::LaneAnswerReader reader({heard.data(), static_cast<std::size_t>(bytes)});
    abi::v1::LaneAnswer answer;
    return reader.Next(answer) == abi::v1::LaneNext::kRecord && answer.id == 17 && answer.code == 0;
  }
  // Without those that were left.
  [[nodiscard]] std::size_t LiveSessions() const {
    const auto listed = sessions_->List(SessionId(0), 100);
    return static_cast<std::size_t>(std::count_if(
        listed.begin(), listed.end(),
        [](const SessionSnapshot& session) { return session.state == Session::State::kLive; }));
  }
  bool AwaitSessions(std::size_t count) const {
    const absl::Time deadline = absl::Now() + testing::kPatience;
    while (LiveSessions() != count) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(1));
    }
    return true;
  }

  testing::TempDir dir_;
  SystemClock system_clock_;
  UniqueFd memory_{memfd_create("arena", MFD_CLOEXEC)};
  std::unique_ptr<Updater> updater_;
  std::unique_ptr<Calls> calls_;
  Closer closer_;
  std::unique_ptr<Lane> lane_;
  std::unique_ptr<Door> door_;
};

TEST_F(DoorLaneTest, WhoSpeaksVersionTwoHasTheLane) {
  Visitor visitor(door_->path());
  Admit(visitor, HelloOf(2), 2);
  EXPECT_TRUE(AnswersPing(visitor));
  visitor.Leave();
  EXPECT_TRUE(AwaitSessions(0));
}

TEST_F(DoorLaneTest, WhoSpeaksVersionOneIsServedAsEver) {
  Visitor visitor(door_->path());
  Admit(visitor, HelloOf(1), 1);
  // Anything it says ends its session.
  EXPECT_FALSE(AnswersPing(visitor));
  EXPECT_TRUE(AwaitSessions(0));
}

TEST_F(DoorLaneTest, WithoutALaneVersionOneIsSpoken) {
  OpenDoor(nullptr);
  Visitor visitor(door_->path());
  Admit(visitor, HelloOf(2), 1);
}

TEST_F(DoorLaneTest, AnotherVersionIsRefusedWithTheHighestThereIs) {
  for (const std::uint32_t version : {0U, 3U}) {
    Visitor visitor(door_->path());
    visitor.Say(HelloOf(version));
    const Reply reply = visitor.Hear();
    const auto* const refusal = std::get_if<Refusal>(&reply.said);
    ASSERT_NE(refusal, nullptr) << version;
    EXPECT_EQ(refusal->code, static_cast<std::uint32_t>(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(refusal->message.data(), HasSubstr("this daemon 2"));
  }
}

TEST_F(DoorLaneTest, ASessionThatIsEndedOtherwiseLosesItsLane) {
  Visitor visitor(door_->path());
  const std::uint64_t session = Admit(visitor, HelloOf(2), 2);
  ASSERT_TRUE(AnswersPing(visitor));
  EXPECT_TRUE(sessions_->End(SessionId(session)));
  char byte = 0;
  ASSERT_TRUE(visitor.HearsWithin(testing::kPatience));
  EXPECT_EQ(recv(visitor.fd(), &byte, 1, 0), 0);
}

// A child of the dead counts in what they had opened, without a word to the daemon.
TEST_F(DoorLaneTest, WhatTheDeadHadOpenedStaysWhileAChildHasTheConnection) {
  for (const std::uint32_t version : {1U, 2U}) {
    Family family(door_->path(), version);
    const auto listed = sessions_->List(SessionId(0), 10);
    ASSERT_EQ(listed.size(), 1U);
    const OpeningWanted wanted{
        .name_space = "shop",
        .families = {{.shape = {.name = "hits"}, .series = {absl::string_view("")}}}};
    const Caller caller{.role = Role::kClient, .session = listed[0].id, .uid = UserId(getuid())};
    ASSERT_TRUE(sessions_->metrics().Open(caller, wanted).ok());
    family.KillParent();
    ASSERT_TRUE(AwaitSessions(0));
    EXPECT_EQ(sessions_->List(SessionId(0), 10).size(), 1U) << "it shows why it still counts";
    ASSERT_TRUE(sessions_->metrics().Remove(kOperator, "shop", {.family = "hits"}).ok());
    EXPECT_EQ(sessions_->metrics().Collect(), 0U) << version;
    family.KillChild();
    const absl::Time deadline = absl::Now() + testing::kPatience;
    while (sessions_->metrics().Collect() == 0 && absl::Now() < deadline) std::this_thread::yield();
    EXPECT_EQ(LiveAreas(), 0U) << version;
  }
}

TEST_F(DoorLaneTest, GarbageInTheLaneEndsTheSession) {
  Visitor visitor(door_->path());
  Admit(visitor, HelloOf(2), 2);
  visitor.Say(HelloOf(2));
  const Reply reply = visitor.Hear();
  EXPECT_TRUE(std::holds_alternative<Refusal>(reply.said));
  EXPECT_TRUE(AwaitSessions(0));
}

}  // namespace
}  // namespace percpud
