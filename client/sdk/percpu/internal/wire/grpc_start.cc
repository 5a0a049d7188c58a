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
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/thread.h"
#include "percpu/internal/wire/grpc_time.h"
#include "server/base/status_macros.h"
#include "server/base/unique_fd.h"

namespace percpu::wire {
namespace {

// gRPC starts seven threads on two processors, and up to two more for each further one.
std::size_t ThreadsOfGrpc() { return 8 + 2 * std::size_t{std::thread::hardware_concurrency()}; }
// The event engine makes a few to wake itself by.
constexpr std::size_t kDescriptorsOfGrpc = 16;
// The patience with an alarm that is due at once. A busy host may take long.
constexpr absl::Duration kPatience = absl::Seconds(5);
constexpr absl::Duration kLook = absl::Milliseconds(1);

enum class State : std::uint8_t { kNotStarted, kRuns, kDamaged };

// The child of a fork goes on with its parent's state. gRPC's own handlers of forks start
// the threads again.
constinit std::atomic<State> g_state = State::kNotStarted;

// Threads that do nothing. They end with the object, also if memory ran out between one and
// the next.
class ThreadProbes {
 public:
  ThreadProbes() = default;
  ~ThreadProbes() {
    done_.count_down();
    for (Probe& probe : probes_) End(probe);
  }
  ThreadProbes(const ThreadProbes&) = delete;
  ThreadProbes& operator=(const ThreadProbes&) = delete;

  // Errors: StartThread's.
  absl::Status Add() {
    Probe& probe = probes_.emplace_back();
    absl::StatusOr<std::thread> thread = StartThread("percpu-probe", [this, &probe] {
      probe.number = gettid();
      done_.wait();
    });
    if (!thread.ok()) return thread.status();
    probe.thread = *std::move(thread);
    return absl::OkStatus();
  }

 private:
  // `number` is there once the thread has run.
  struct Probe {
    std::thread thread;
    std::atomic<pid_t> number = 0;
  };

  // Joins it, and waits until the system no longer counts it as a task, which is a little
  // later. By then the number may be another thread's, so there is an end to it.
  static void End(Probe& probe) {
    if (!probe.thread.joinable()) return;
    probe.thread.join();
    const Deadline deadline = Deadline::After(kPatience);
    while (tgkill(getpid(), probe.number.load(), 0) == 0 && !deadline.has_passed()) sched_yield();
  }

  std::latch done_{1};
  std::deque<Probe> probes_;
};

// Errors: RESOURCE_EXHAUSTED.
absl::Status CheckThreads(std::size_t wanted) {
  ThreadProbes probes;
  for (std::size_t i = 0; i < wanted; ++i) RETURN_IF_ERROR(probes.Add());
  return absl::OkStatus();
}

// Makes a queue that polls nothing. One that polls needs a descriptor whenever it is waited
// for, and cannot be destroyed if it had none. A wait for this one ends at an hour of the
// calendar (connectivity.h), so it is looked at without waiting.
grpc_completion_queue* MakeQueue() {
  const grpc_completion_queue_attributes attributes{GRPC_CQ_CURRENT_VERSION, GRPC_CQ_NEXT,
                                                    GRPC_CQ_NON_POLLING, nullptr};
  const grpc_completion_queue_factory* const factory =
      grpc_completion_queue_factory_lookup(&attributes);
  return grpc_completion_queue_create(factory, &attributes, nullptr);
}

// Returns true if gRPC's timers ring.
bool AlarmRings() {
  grpc::CompletionQueue queue(MakeQueue());
  grpc::Alarm alarm;
  // An alarm that is due already would ring without the thread.
  alarm.Set(&queue, ToGrpc(Deadline::After(absl::Milliseconds(1))), nullptr);
  const Deadline deadline = Deadline::After(kPatience);
  void* tag = nullptr;
  bool rang = false;
  bool came = false;
  while (!came && !deadline.has_passed()) {
    absl::SleepFor(kLook);
    came = queue.AsyncNext(&tag, &rang, LongAgo()) == grpc::CompletionQueue::GOT_EVENT;
  }
  if (!came) alarm.Cancel();
  queue.Shutdown();
  bool ignored = false;
  while (queue.Next(&tag, &ignored)) {
  }
  return came && rang;
}

// gRPC's event engine starts its threads with the first channel, and ends them with the last
// one. This channel, which is never used, is kept for good, and the engine with it.
void KeepEventEngine() {
  static const auto* const kept = new const std::shared_ptr<grpc::Channel>(
      grpc::CreateChannel("unix:/nobody", grpc::InsecureChannelCredentials()));
  static_cast<void>(kept);
}

// Returns the names of this process's threads; nullopt if they cannot be read just now, for
// want of descriptors or without /proc.
std::optional<std::vector<std::string>> NamesOfThreads() {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator task("/proc/self/task", error);
  for (; !error && task != std::filesystem::directory_iterator(); task.increment(error)) {
    std::ifstream comm(task->path() / "comm");
    if (!comm.is_open() && errno != ENOENT) return std::nullopt;
    std::getline(comm, names.emplace_back());
  }
  if (error) return std::nullopt;
  return names;
}

// Returns true unless gRPC lacks the thread of its timers. They may stand still although
// they have it, if the clock is set back just now.
bool TimersRun() {
  if (AlarmRings()) return true;
  const auto names = NamesOfThreads();
  return !names || std::count(names->begin(), names->end(), "grpc_global_tim") >= 1;
}

// Returns true unless the event engine lacks a thread that it cannot do without: one of its
// threads waits for sockets, and one is left to run what is due. What cannot be seen, and
// the names in another release than Debian's, are not judged.
bool HasEngine() {
  if (!absl::StartsWith(grpc::Version(), "1.51.")) return true;
  const auto names = NamesOfThreads();
  if (!names) return true;
  return std::count(names->begin(), names->end(), "timer_manager") >= 1 &&
         std::count(names->begin(), names->end(), "event_engine") >= 2;
}

bool EngineRuns() {
  const Deadline deadline = Deadline::After(kPatience);
  // A thread gives itself its name.
  while (!HasEngine()) {
    if (deadline.has_passed()) return false;
    absl::SleepFor(kLook);
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

absl::Status CheckDescriptors(std::size_t wanted) {
  std::vector<percpud::UniqueFd> probes;
  while (probes.size() < wanted) {
    percpud::UniqueFd& probe = probes.emplace_back(eventfd(0, EFD_CLOEXEC));
    if (!probe.ok()) {
      return absl::ResourceExhaustedError("this process has too few descriptors left for a call");
    }
  }
  return absl::OkStatus();
}

absl::Status StartGrpc() {
  const State before = g_state.load(std::memory_order_acquire);
  if (before != State::kNotStarted) return Verdict(before);
  // Several threads may come here at once. Each does the same.
  RETURN_IF_ERROR(CheckDescriptors(kDescriptorsOfGrpc));
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
