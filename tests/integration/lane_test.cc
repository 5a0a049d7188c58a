// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The local fast lane of the real daemon: killed while requests are under way, and
// beside a client that is stopped.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "tests/integration/children.h"
#include "tests/integration/lane_session.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using testing::LaneSession;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr std::uint64_t kCounter[] = {8};

class LaneOfProcessesTest : public ::testing::Test {
 protected:
  // Its grants outlive it.
  testing::RunningDaemon Start() {
    auto daemon = testing::StartDaemon(
        dir_, {"--arena", absl::StrCat("file:", dir_.path(), "/arena"), "--arena-size", "64MiB"});
    EXPECT_TRUE(daemon.ok()) << daemon.status();
    return *std::move(daemon);
  }

  testing::TempDir dir_;
};

// Requests that are numbered upwards, a window of them under way.
class Stream {
 public:
  explicit Stream(const std::string& address)
      : address_(address), session_(LaneSession::Open(address)) {}

  // Makes `count` more requests. False if the daemon hung up: what is not answered then
  // is asked again by Resume.
  bool Make(std::uint64_t count) {
    for (const std::uint64_t until = asked_ + count; asked_ < until;) {
      while (asked_ < until && asked_ - answers_.size() < kWindow) Ask(++asked_);
      if (!session_.Send() || !Hear()) return false;
    }
    return true;
  }
  bool Finish() {
    while (answers_.size() < asked_) {
      if (!Hear()) return false;
    }
    return true;
  }
  void Resume() {
    const auto token = session_.welcome().token;
    const std::uint64_t id = session_.welcome().session;
    session_ = LaneSession::Open(address_, token);
    EXPECT_EQ(session_.welcome().session, id);
    for (std::uint64_t number = 1; number <= asked_; ++number) {
      if (!answers_.contains(number)) Ask(number);
    }
    EXPECT_TRUE(session_.Send());
  }
  // What each number was answered.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& answers() const { return answers_; }
  LaneSession& session() { return session_; }

 private:
  static constexpr std::uint64_t kWindow = 64;

  void Ask(std::uint64_t number) {
    session_.ask().Alloc(number, number, {.sizes = kCounter, .alignments = {}, .tag = {}});
  }
  bool Hear() {
    return session_.Hear([this](const abi::v1::LaneAnswer& answer) {
      ASSERT_EQ(answer.code, 0) << answer.id;
      abi::v1::LanePointersView view;
      ASSERT_TRUE(view.Parse(answer.body));
      const auto [known, is_new] = answers_.emplace(answer.id, view.pointer(0));
      EXPECT_TRUE(is_new || known->second == view.pointer(0)) << answer.id;
    });
  }

  const std::string address_;
  LaneSession session_;
  std::uint64_t asked_ = 0;
  std::map<std::uint64_t, std::uint64_t> answers_;
};

TEST_F(LaneOfProcessesTest, KilledMidStreamWhatIsAskedAgainByNumberIsAnsweredOnce) {
  constexpr int kKills = 5;
  std::optional<testing::RunningDaemon> daemon(Start());
  Stream stream(daemon->address);
  for (int kills = 0; kills < kKills; ++kills) {
    ASSERT_TRUE(stream.Make(300));
    // Dead somewhere among the next ones.
    kill(daemon->process.pid(), SIGKILL);
    static_cast<void>(stream.Make(300));
    static_cast<void>(daemon->process.Wait(kPatience));
    daemon.reset();
    daemon.emplace(Start());
    stream.Resume();
    ASSERT_TRUE(stream.Finish());
  }
  // Nothing was granted twice, and every area is there to be freed.
  std::set<std::uint64_t> pointers;
  for (const auto& [number, pointer] : stream.answers()) pointers.insert(pointer);
  ASSERT_EQ(pointers.size(), stream.answers().size());
  for (const std::uint64_t pointer : pointers) {
    stream.session().ask().Free(pointer, 0, std::span(&pointer, 1));
    ASSERT_TRUE(stream.session().Send());
    ASSERT_TRUE(stream.session().Hear(
        [](const abi::v1::LaneAnswer& answer) { EXPECT_EQ(answer.code, 0) << answer.id; }));
  }
}

TEST_F(LaneOfProcessesTest, AStoppedClientWithAFullLaneHoldsUpNobodyAndGoesOnWhereItStopped) {
  const testing::RunningDaemon daemon = Start();
  const percpu::testing::Pipe full;
  // Sends until nothing more is taken, stops itself, and then hears every answer.
  const pid_t stopped = fork();
  if (stopped == 0) {
    LaneSession session = LaneSession::Open(daemon.address);
    std::uint64_t sent = 0;
    const auto fill = [&] {
      session.ask().Clear();
      while (session.ask().Ping(sent + session.ask().requests())) {
      }
      if (!session.TrySend()) return false;
      sent += session.ask().requests();
      return true;
    };
    for (int tries = 0; tries < 50; ++tries) {
      while (fill()) {
      }
      absl::SleepFor(absl::Milliseconds(1));
    }
    full.Put(sent);
    raise(SIGSTOP);
    std::uint64_t heard = 0;
    while (heard < sent && session.Hear([&](const abi::v1::LaneAnswer& answer) {
      if (answer.id == heard) ++heard;
    })) {
    }
    _exit(heard == sent ? 0 : 1);
  }
  ASSERT_GT(full.Get(), 1000U);
  int status = 0;
  ASSERT_EQ(waitpid(stopped, &status, WUNTRACED), stopped);
  ASSERT_TRUE(WIFSTOPPED(status));

  LaneSession honest = LaneSession::Open(daemon.address);
  std::vector<double> millis;
  for (std::uint64_t id = 0; id < 2000; ++id) {
    const absl::Time asked = absl::Now();
    honest.ask().Alloc(id, 0, {.sizes = kCounter, .alignments = {}, .tag = {}});
    ASSERT_TRUE(honest.Send());
    ASSERT_TRUE(honest.Hear(
        [](const abi::v1::LaneAnswer& answer) { EXPECT_EQ(answer.code, 0) << answer.id; }));
    millis.push_back(absl::ToDoubleMilliseconds(absl::Now() - asked));
  }
  std::sort(millis.begin(), millis.end());
  EXPECT_LT(millis[millis.size() * 99 / 100], 100.0);

  kill(stopped, SIGCONT);
  ASSERT_EQ(waitpid(stopped, &status, 0), stopped);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace percpud
