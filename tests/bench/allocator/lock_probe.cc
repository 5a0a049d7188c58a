// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/allocator/lock_probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/report/workers.h"

namespace percpud::bench {
namespace {

constexpr std::int64_t kInterval = 50'000;
// More than waking up takes, less than the shortest turn another process gets.
constexpr std::int64_t kDisturbance = 30'000;

// How long a thread was ready to run and did not, as the system counts it: on a
// machine that is not ours alone, many times what it waits for locks. Always 0
// where the system does not count.
class RunDelay {
 public:
  explicit RunDelay(pid_t thread)
      : fd_(::open(absl::StrCat("/proc/self/task/", thread, "/schedstat").c_str(),
                   O_RDONLY | O_CLOEXEC)) {}
  ~RunDelay() { ::close(fd_); }
  RunDelay(const RunDelay&) = delete;
  RunDelay& operator=(const RunDelay&) = delete;

  [[nodiscard]] std::int64_t Nanoseconds() const {
    std::array<char, 64> text{};
    if (::pread(fd_, text.data(), text.size() - 1, 0) <= 0) return 0;
    // Time on a processor, then the time without.
    char* rest = nullptr;
    std::strtoll(text.data(), &rest, 10);
    return std::strtoll(rest, nullptr, 10);
  }

 private:
  const int fd_;
};

// Repeats the work until it goes.
class Worker {
 public:
  explicit Worker(const std::function<void()>& work)
      : thread_([this, &work] {
          id_ = ::gettid();
          for (; !stop_; ++calls_) work();
        }) {
    while (id_ == 0) std::this_thread::yield();
  }
  ~Worker() {
    if (thread_.joinable()) Stop();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] pid_t id() const { return id_; }
  // Returns the number of calls.
  std::uint64_t Stop() {
    stop_ = true;
    thread_.join();
    return calls_;
  }

 private:
  std::atomic<pid_t> id_ = 0;
  std::atomic<bool> stop_ = false;
  std::uint64_t calls_ = 0;
  // Last: it uses the others.
  std::thread thread_;
};

struct Answers {
  std::vector<std::int64_t> all;
  std::vector<std::int64_t> undisturbed;
};

Answers Ask(const std::function<void()>& ask, std::int64_t end,
            const std::function<std::int64_t()>& delay) {
  Answers out;
  std::int64_t delayed = delay();
  std::int64_t answered = NowNs();
  bool disturbed = false;
  for (std::int64_t due = answered + kInterval; due < end; due += kInterval) {
    const bool is_held_up = due <= answered;
    while (NowNs() < due) {
    }
    // What the answer before it held up was disturbed by the same. And who comes
    // late to ask was elsewhere, even if nothing counted it: a hypervisor does not tell.
    if (!is_held_up) disturbed = NowNs() - due > kDisturbance;
    if (answered < end) ask();
    answered = NowNs();
    const std::int64_t before = std::exchange(delayed, delay());
    disturbed |= delayed - before > kDisturbance;
    out.all.push_back(answered - due);
    if (!disturbed) out.undisturbed.push_back(answered - due);
  }
  return out;
}

// Microseconds.
double Rank(std::vector<std::int64_t>& waits, double share) {
  if (waits.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(waits.size() - 1));
  std::nth_element(waits.begin(), waits.begin() + at, waits.end());
  return static_cast<double>(waits[static_cast<std::size_t>(at)]) / 1000;
}

}  // namespace

LockWaits ProbeLock(std::string name, const std::function<void()>& ask,
                    const std::function<void()>& work, absl::Duration duration) {
  std::optional<Worker> worker;
  const std::int64_t start = NowNs();
  if (work) worker.emplace(work);
  const RunDelay mine(::gettid());
  const RunDelay others(worker ? worker->id() : ::gettid());
  Answers answers = Ask(ask, start + absl::ToInt64Nanoseconds(duration),
                        [&] { return mine.Nanoseconds() + others.Nanoseconds(); });
  const std::uint64_t calls = worker ? worker->Stop() : 0;
  const double elapsed = static_cast<double>(NowNs() - start);
  return {.work = std::move(name),
          .asked = answers.all.size(),
          .disturbed = answers.all.size() - answers.undisturbed.size(),
          .p50 = Rank(answers.undisturbed, 0.5),
          .p99 = Rank(answers.undisturbed, 0.99),
          .p999 = Rank(answers.undisturbed, 0.999),
          .most = Rank(answers.undisturbed, 1),
          .p99_of_all = Rank(answers.all, 0.99),
          .work_us = calls == 0 ? 0 : elapsed / 1000 / static_cast<double>(calls)};
}

nlohmann::ordered_json ToJson(const std::vector<LockWaits>& rows) {
  auto json = nlohmann::ordered_json::array();
  for (const LockWaits& each : rows) {
    json.push_back({{"work", each.work},
                    {"asked", each.asked},
                    {"disturbed", each.disturbed},
                    {"p50_us", each.p50},
                    {"p99_us", each.p99},
                    {"p999_us", each.p999},
                    {"most_us", each.most},
                    {"p99_of_all_us", each.p99_of_all},
                    {"work_us", each.work_us}});
  }
  return json;
}

void PrintTable(const std::vector<LockWaits>& rows) {
  std::cout << absl::StreamFormat(
      "an answer, us; left out are those during which one of the two threads was kept from a "
      "processor\n%-24s | %11s | %7s %8s | %8s %8s %8s %8s | %10s\n",
      "work meanwhile", "one call us", "asked", "left out", "p50", "p99", "p99.9", "most",
      "p99 of all");
  for (const LockWaits& each : rows) {
    std::cout << absl::StreamFormat("%-24s | %11.0f | %7d %8d | %8.2f %8.2f %8.2f %8.1f | %10.2f\n",
                                    each.work, each.work_us, each.asked, each.disturbed, each.p50,
                                    each.p99, each.p999, each.most, each.p99_of_all);
  }
}

}  // namespace percpud::bench
