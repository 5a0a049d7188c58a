// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What dead processes have set, while the daemon that folds it is killed at every step.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/c/percpud.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using percpud::testing::BinaryPath;
using percpud::testing::Process;
using percpud::testing::TempDir;

constexpr int kPatienceMs = 60'000;
constexpr absl::Duration kPatience = absl::Milliseconds(kPatienceMs);

struct Mode {
  const char* name;
  percpud_fold fold;
  std::uint32_t flags;
  // What a worker sets; the test sets 5.
  double value;
};
constexpr Mode kModes[] = {
    {"each", PERCPUD_FOLD_ALL, 0, 3},           {"least", PERCPUD_FOLD_MIN, 0, 3},
    {"most", PERCPUD_FOLD_MAX, 0, 9},           {"sum", PERCPUD_FOLD_SUM, 0, 3},
    {"recent", PERCPUD_FOLD_MOST_RECENT, 0, 3}, {"live", PERCPUD_FOLD_SUM, PERCPUD_LIVE_ONLY, 3},
};
constexpr double kOwn = 5;
// The test sets its gauges before any worker does.
constexpr double kEarly = 1000;
constexpr double kLate = 2000;

using Client = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

Client Open(const std::string& address) {
  percpud_options options{};
  options.size = sizeof(options);
  options.address = address.c_str();
  options.open_wait_ms = kPatienceMs;
  return {percpud_open_as(&options), &percpud_close};
}

percpud_series* Gauge(percpud_client* client, const Mode& mode) {
  percpud_family_options options{};
  options.size = sizeof(options);
  options.name = mode.name;
  options.type = PERCPUD_GAUGE;
  options.fold = mode.fold;
  options.flags = mode.flags;
  return percpud_series_open(percpud_family_open(client, &options), nullptr);
}

// A process that has done its work, and waits to be killed.
class Worker {
 public:
  explicit Worker(const std::function<bool()>& work) {
    int told[2];
    if (pipe(told) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      const char done = work() ? 'y' : 'n';
      static_cast<void>(write(told[1], &done, 1));
      while (true) pause();
    }
    char done = 0;
    EXPECT_EQ(read(told[0], &done, 1), 1);
    EXPECT_EQ(done, 'y');
    close(told[0]);
    close(told[1]);
  }
  ~Worker() { Kill(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, 0), nullptr, 0);
  }
  [[nodiscard]] std::string label() const { return std::to_string(pid_); }

 private:
  pid_t pid_ = 0;
};

class FoldTest : public ::testing::Test {
 protected:
  absl::StatusOr<Process> Spawn(const char* program, const std::vector<std::string>& environment) {
    return Process::Spawn({BinaryPath(program), "--listen", address_, "--arena",
                           "file:" + dir_.path() + "/arena", "--arena-size", "64MiB"},
                          environment);
  }
  // With a daemon that is killed at the first passage of `point`, if it is not empty.
  void Start(const std::string& point = "") {
    daemon_.reset();
    auto started = point.empty() ? Spawn("percpud", {})
                                 : Spawn("percpud_faulty", {"PERCPUD_FAULT=" + point + ":1"});
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = std::make_unique<Process>(*std::move(started));
    const absl::Status ready = daemon_->WaitForLine("percpud: ready", kPatience);
    ASSERT_TRUE(ready.ok()) << ready << daemon_->err();
  }
  void KillDaemon() {
    daemon_->Kill(SIGKILL);
    ASSERT_TRUE(daemon_->Wait(kPatience).ok());
  }
  void AwaitFault() { ASSERT_EQ(daemon_->Wait(kPatience).value_or(-1), 128 + SIGKILL); }

  // This process sets its gauges, and sees what all have set.
  void SetOwn() {
    client_ = Open(address_);
    for (const Mode& mode : kModes) percpud_set_at(Gauge(client_.get(), mode), kOwn, kEarly);
    ASSERT_EQ(percpud_wait(client_.get(), kPatienceMs), 1);
  }
  // Sets all gauges as a process of its own, which keeps its client to its end.
  [[nodiscard]] std::unique_ptr<Worker> Employ() const {
    return std::make_unique<Worker>([this] {
      percpud_client* const own = Open(address_).release();
      for (const Mode& mode : kModes) percpud_set_at(Gauge(own, mode), mode.value, kLate);
      return percpud_wait(own, kPatienceMs) == 1;
    });
  }
  std::map<std::string, double> Shown() {
    std::map<std::string, double> out;
    percpud_collection* const all = percpud_collect_begin(client_.get(), nullptr, kPatienceMs);
    EXPECT_EQ(percpud_collection_is_fresh(all), 1);
    for (std::size_t i = 0; i < percpud_collection_size(all); ++i) {
      const percpud_family_view& family = *percpud_collection_family(all, i);
      for (std::uint32_t n = 0; n < family.series_count; ++n) Add(family, family.series[n], out);
    }
    percpud_collection_end(all);
    return out;
  }
  // `sum` is what the gauge of that mode comes to, and `dead` are the workers that have died.
  void ExpectFolded(double sum, const std::vector<std::string>& dead) {
    std::map<std::string, double> wanted{
        {"least", 3}, {"most", 9}, {"recent", 3}, {"sum", sum}, {"live", kOwn}};
    wanted["each " + std::to_string(getpid())] = kOwn;
    for (const std::string& label : dead) wanted["each " + label] = 3;
    const absl::Time ends = absl::Now() + kPatience;
    std::map<std::string, double> shown = Shown();
    while (shown != wanted && absl::Now() < ends) {
      percpud_wait(client_.get(), kPatienceMs);
      shown = Shown();
    }
    EXPECT_EQ(shown, wanted);
  }

  TempDir dir_;
  std::string address_ = "unix:" + dir_.path() + "/percpud.sock";
  std::unique_ptr<Process> daemon_;
  Client client_{nullptr, &percpud_close};

 private:
  static void Add(const percpud_family_view& family, const percpud_series_view& series,
                  std::map<std::string, double>& out) {
    const std::string name(family.name.text, family.name.bytes);
    if (family.fold != PERCPUD_FOLD_ALL) {
      if (series.is_set != 0) out[name] = series.value;
      return;
    }
    for (std::uint32_t i = 0; i < series.writer_count; ++i) {
      const percpud_writer_view& writer = series.writers[i];
      out[absl::StrCat(name, " ", std::string(writer.label.text, writer.label.bytes))] =
          writer.value;
    }
  }
};

class FoldFaultTest : public FoldTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(FoldFaultTest, KilledThereADeadProcessIsFoldedOnce) {
  Start(GetParam());
  SetOwn();
  auto worker = Employ();
  const std::string first = worker->label();
  worker->Kill();
  AwaitFault();
  Start();
  ExpectFolded(8, {first});
  // Neither another restart nor another death changes what it has left.
  KillDaemon();
  Start();
  ExpectFolded(8, {first});
  worker = Employ();
  const std::string second = worker->label();
  worker->Kill();
  ExpectFolded(11, {first, second});
}

TEST_P(FoldFaultTest, KilledThereAtItsStartADeadProcessIsFoldedOnce) {
  Start();
  SetOwn();
  auto worker = Employ();
  const std::string label = worker->label();
  KillDaemon();
  worker->Kill();
  auto faulty = Spawn("percpud_faulty", {absl::StrCat("PERCPUD_FAULT=", GetParam(), ":1")});
  ASSERT_TRUE(faulty.ok()) << faulty.status();
  ASSERT_EQ(faulty->Wait(kPatience).value_or(-1), 128 + SIGKILL);
  Start();
  ExpectFolded(8, {label});
}

// More than one commit's worth: the daemon dies between two.
TEST_P(FoldFaultTest, KilledThereEachOfManyGaugesIsFoldedOnce) {
  static constexpr int kSeries = 1500;
  Start(GetParam());
  client_ = Open(address_);
  const auto many = [](percpud_client* client) {
    static const char* const kLabels[] = {"n"};
    percpud_family_options options{};
    options.size = sizeof(options);
    options.name = "many";
    options.type = PERCPUD_GAUGE;
    options.fold = PERCPUD_FOLD_SUM;
    options.label_count = 1;
    options.label_names = kLabels;
    return percpud_family_open(client, &options);
  };
  Worker worker([&] {
    percpud_client* const own = Open(address_).release();
    percpud_family* const family = many(own);
    for (int i = 0; i < kSeries; ++i) {
      const std::string number = std::to_string(i);
      const char* const values[] = {number.c_str()};
      percpud_set(percpud_series_open(family, values), i);
    }
    return percpud_wait(own, kPatienceMs) == 1;
  });
  worker.Kill();
  AwaitFault();
  Start();
  const absl::Time ends = absl::Now() + kPatience;
  int live = 1;
  int right = 0;
  while (live > 0 && absl::Now() < ends) {
    live = right = 0;
    percpud_collection* const all = percpud_collect_begin(client_.get(), "many", kPatienceMs);
    for (std::size_t i = 0; i < percpud_collection_size(all); ++i) {
      const percpud_family_view& family = *percpud_collection_family(all, i);
      for (std::uint32_t n = 0; n < family.series_count; ++n) {
        const percpud_series_view& series = family.series[n];
        live += static_cast<int>(series.writer_count);
        if (series.value == std::stoi(series.label_values[0].text)) ++right;
      }
    }
    percpud_collection_end(all);
  }
  EXPECT_EQ(live, 0);
  EXPECT_EQ(right, kSeries);
}

INSTANTIATE_TEST_SUITE_P(Steps, FoldFaultTest,
                         ::testing::Values("fold-read", "fold-entered", "fold-committed",
                                           "fold-freed"),
                         [](const auto& test) { return std::string(test.param).substr(5); });

// Nothing but the kernel tells of the death.
TEST_F(FoldTest, LiveGaugesOfAKilledProcessGoWithin50Milliseconds) {
  Start();
  SetOwn();
  std::vector<absl::Duration> took;
  for (int i = 0; i < 11; ++i) {
    const auto worker = Employ();
    EXPECT_EQ(Shown()["live"], kOwn + 3);
    const absl::Time killed = absl::Now();
    worker->Kill();
    while (Shown()["live"] != kOwn && absl::Now() - killed < kPatience) {
    }
    took.push_back(absl::Now() - killed);
  }
  std::sort(took.begin(), took.end());
  RecordProperty("median_us", static_cast<int>(absl::ToInt64Microseconds(took[took.size() / 2])));
  EXPECT_LT(took[took.size() / 2], absl::Milliseconds(50));
}

}  // namespace
}  // namespace percpud
