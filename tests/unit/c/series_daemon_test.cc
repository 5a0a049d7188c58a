// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Families and series of the C library with percpud itself, while workers and the
// daemon are killed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "client/c/percpud.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using percpud::testing::RunningDaemon;
using percpud::testing::RunToEnd;
using percpud::testing::StartDaemon;
using percpud::testing::TempDir;
using ::testing::HasSubstr;

constexpr int kPatienceMs = 30'000;
constexpr double kBounds[] = {0.5, 1};

class SeriesDaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Start();
    client_.reset(percpud_open(daemon_->address.c_str()));
    percpud_family_options options{};
    options.size = sizeof(options);
    options.name = "hits";
    options.type = PERCPUD_COUNTER;
    hits_ = Open(options);
    options.name = "requests";
    options.flags = PERCPUD_INTEGER;
    requests_ = Open(options);
    options.flags = 0;
    options.name = "seconds";
    options.type = PERCPUD_HISTOGRAM;
    options.bounds = kBounds;
    options.bound_count = 2;
    seconds_ = Open(options);
    ASSERT_EQ(percpud_wait(client_.get(), kPatienceMs), 1);
  }
  void Start() {
    auto started = StartDaemon(
        dir_, {"--arena", "file:" + dir_.path() + "/arena", "--catalog", dir_.path() + "/catalog"});
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = std::make_unique<RunningDaemon>(*std::move(started));
  }
  void KillDaemon() {
    daemon_->process.Kill(SIGKILL);
    ASSERT_TRUE(daemon_->process.Wait(absl::Seconds(30)).ok());
  }
  percpud_series* Open(percpud_family_options options) {
    static const char* const kLabels[] = {"code"};
    static const char* const kValues[] = {"200"};
    options.label_count = 1;
    options.label_names = kLabels;
    return percpud_series_open(percpud_family_open(client_.get(), &options), kValues);
  }
  void Serve(int times) {
    for (int i = 0; i < times; ++i) {
      percpud_add(hits_, 1);
      percpud_counter_add(percpud_series_counter(requests_), 1);
      percpud_observe(seconds_, 1.0);
    }
  }
  // Workers that serve, and are killed in the middle of nothing.
  void ServeAndDie(int workers, int times) {
    std::vector<pid_t> children;
    for (int i = 0; i < workers; ++i) {
      children.push_back(fork());
      if (children.back() != 0) continue;
      Serve(times);
      raise(SIGKILL);
    }
    for (const pid_t child : children) {
      int status = 0;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFSIGNALED(status));
    }
  }
  std::string Render() {
    std::size_t size = 0;
    char* const text = percpud_render(client_.get(), PERCPUD_OPENMETRICS, kPatienceMs, &size);
    std::string out = text == nullptr ? "(null)" : std::string(text, size);
    percpud_free(text);
    return out;
  }
  void ExpectShown(int served) {
    const std::string number = std::to_string(served);
    const std::string text = Render();
    EXPECT_THAT(text, HasSubstr("hits_total{code=\"200\"} " + number + "\n"));
    EXPECT_THAT(text, HasSubstr("requests_total{code=\"200\"} " + number + "\n"));
    EXPECT_THAT(text, HasSubstr("seconds_bucket{code=\"200\",le=\"0.5\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("seconds_bucket{code=\"200\",le=\"+Inf\"} " + number + "\n"));
    EXPECT_THAT(text, HasSubstr("seconds_count{code=\"200\"} " + number + "\n"));
    EXPECT_THAT(text, HasSubstr("seconds_sum{code=\"200\"} " + number + "\n"));
    const std::string file = dir_.path() + "/exposition";
    std::ofstream(file, std::ios::binary) << text;
    const char* const parser = std::getenv("PERCPUD_PARSE_EXPOSITION");
    ASSERT_NE(parser, nullptr);
    const auto ran = RunToEnd({"/usr/bin/python3", parser, "openmetrics", file});
    ASSERT_TRUE(ran.ok()) << ran.status();
    EXPECT_EQ(ran->exit_code, 0) << ran->err << text;
  }

  TempDir dir_;
  std::unique_ptr<RunningDaemon> daemon_;
  std::unique_ptr<percpud_client, decltype(&percpud_close)> client_{nullptr, &percpud_close};
  percpud_series* hits_ = nullptr;
  percpud_series* requests_ = nullptr;
  percpud_series* seconds_ = nullptr;
};

TEST_F(SeriesDaemonTest, WorkersAreKilledWithoutLoss) {
  Serve(10);
  ServeAndDie(3, 20'000);
  ExpectShown(60'010);
}

// One that was opened before the fork: the child's next poll gives it a cell of its own.
TEST_F(SeriesDaemonTest, AGaugeOfAForkedChildIsItsOwn) {
  percpud_family_options options{};
  options.size = sizeof(options);
  options.name = "busy";
  options.type = PERCPUD_GAUGE;
  options.fold = PERCPUD_FOLD_ALL;
  options.flags = PERCPUD_LIVE_ONLY;
  percpud_series* const busy = Open(options);
  ASSERT_EQ(percpud_wait(client_.get(), kPatienceMs), 1);
  percpud_set(busy, 5);
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    percpud_set(busy, 3);
    const char settled = percpud_wait(client_.get(), kPatienceMs) == 1 ? 'y' : 'n';
    static_cast<void>(write(told[1], &settled, 1));
    while (true) pause();
  }
  char settled = 0;
  ASSERT_EQ(read(told[0], &settled, 1), 1);
  EXPECT_EQ(settled, 'y');
  const auto of = [](pid_t pid, int value) {
    return "busy{code=\"200\",pid=\"" + std::to_string(pid) + "\"} " + std::to_string(value) + "\n";
  };
  EXPECT_THAT(Render(), HasSubstr(of(getpid(), 5)));
  EXPECT_THAT(Render(), HasSubstr(of(child, 3)));
  kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  close(told[0]);
  close(told[1]);
}

TEST_F(SeriesDaemonTest, TheDaemonIsKilledWithoutLoss) {
  Serve(1);
  for (int round = 1; round <= 3; ++round) {
    KillDaemon();
    ServeAndDie(2, 1000);
    Start();
    ASSERT_EQ(percpud_wait(client_.get(), kPatienceMs), 1);
    Serve(1);
    ExpectShown(1 + round * 2001);
  }
}

}  // namespace
}  // namespace percpud
