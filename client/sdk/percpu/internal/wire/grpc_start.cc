// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/grpc_start.h"

#include <grpc/grpc.h>
#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/credentials.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <latch>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/thread.h"
#include "percpu/internal/wire/grpc_time.h"
#include "server/base/status_macros.h"

namespace percpu::wire {
namespace {

// gRPC starts seven threads on two processors, and up to two more for each further one.
std::size_t ThreadsOfGrpc() { return 8 + 2 * std::size_t{std::thread::hardware_concurrency()}; }
// The patience with an alarm that is due at once. A busy host may take long.
constexpr absl::Duration kPatience = absl::Seconds(5);

enum class State : std::uint8_t { kNotStarted, kRuns, kDamaged };

// The child of a fork goes on with its parent's state. gRPC's own handlers of forks start
// the threads again.
constinit std::atomic<State> g_state = State::kNotStarted;

// A thread that does nothing. Its number is there once it has run.
struct Probe {
  std::thread thread;
  std::atomic<pid_t> number = 0;
};

// Joins it, and waits until the system no longer counts it as a task, which is a little
// later.
void End(Probe& probe) {
  probe.thread.join();
  while (tgkill(getpid(), probe.number.load(), 0) == 0) sched_yield();
}

// Errors: RESOURCE_EXHAUSTED.
absl::Status CheckThreads(std::size_t wanted) {
  std::latch done(1);
  std::deque<Probe> probes;
  absl::Status status;
  while (probes.size() < wanted && status.ok()) {
    Probe& probe = probes.emplace_back();
    absl::StatusOr<std::thread> thread = StartThread("percpu-probe", [&done, &probe] {
      probe.number = gettid();
      done.wait();
    });
    status = thread.status();
    if (thread.ok()) {
      probe.thread = *std::move(thread);
    } else {
      probes.pop_back();
    }
  }
  done.count_down();
  for (Probe& probe : probes) End(probe);
  return status;
}

// Returns true if gRPC's timers run. All deadlines depend on their thread.
bool TimersRun() {
  grpc::CompletionQueue queue;
  grpc::Alarm alarm;
  // An alarm that is due already would ring without the thread.
  alarm.Set(&queue, ToGrpc(Deadline::After(absl::Milliseconds(1))), nullptr);
  void* tag = nullptr;
  bool rang = false;
  const auto next = queue.AsyncNext(&tag, &rang, ToGrpc(Deadline::After(kPatience)));
  if (next != grpc::CompletionQueue::GOT_EVENT) alarm.Cancel();
  queue.Shutdown();
  bool ignored = false;
  while (queue.Next(&tag, &ignored)) {
  }
  return next == grpc::CompletionQueue::GOT_EVENT && rang;
}

// gRPC's event engine starts its threads with the first channel, and ends them with the last
// one. This channel, which is never used, is kept for good, and the engine with it.
void KeepEventEngine() {
  static const auto* const kept = new const std::shared_ptr<grpc::Channel>(
      grpc::CreateChannel("unix:/nobody", grpc::InsecureChannelCredentials()));
  static_cast<void>(kept);
}

std::size_t CountTasks(absl::string_view name) {
  std::size_t count = 0;
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ignored)) {
    std::string called;
    std::getline(std::ifstream(task.path() / "comm"), called);
    count += called == name ? 1 : 0;
  }
  return count;
}

// Returns true if the event engine has the threads that it cannot do without. One of the
// engine's waits for sockets, and one is left to run what is due.
bool HasEngine() { return CountTasks("timer_manager") >= 1 && CountTasks("event_engine") >= 2; }

// Returns true if the event engine's threads run, as far as it is known what they are called.
bool EngineRuns() {
  if (!absl::StartsWith(grpc::Version(), "1.51.")) return true;
  const Deadline deadline = Deadline::After(kPatience);
  // A thread gives itself its name.
  while (!HasEngine()) {
    if (deadline.has_passed()) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

absl::Status Verdict(State state) {
  if (state != State::kDamaged) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      "gRPC lost a thread when it started in this process: the system had no task left; start "
      "the process again");
}

}  // namespace

absl::Status StartGrpc() {
  const State before = g_state.load(std::memory_order_acquire);
  if (before != State::kNotStarted) return Verdict(before);
  // Several threads may come here at once. Each does the same.
  RETURN_IF_ERROR(CheckThreads(ThreadsOfGrpc()));
  // The reference is kept for good.
  grpc_init();
  KeepEventEngine();
  const State after = TimersRun() && EngineRuns() ? State::kRuns : State::kDamaged;
  State expected = State::kNotStarted;
  g_state.compare_exchange_strong(expected, after, std::memory_order_acq_rel);
  return Verdict(g_state.load(std::memory_order_acquire));
}

}  // namespace percpu::wire
