// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/grpc_start.h"

#include <grpc/grpc.h>
#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
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

// Errors: RESOURCE_EXHAUSTED.
absl::Status CheckThreads(std::size_t wanted) {
  std::latch done(1);
  std::vector<std::thread> threads;
  absl::Status status;
  while (threads.size() < wanted && status.ok()) {
    absl::StatusOr<std::thread> thread = StartThread("percpu-probe", [&done] { done.wait(); });
    status = thread.status();
    if (thread.ok()) threads.push_back(*std::move(thread));
  }
  done.count_down();
  for (std::thread& thread : threads) thread.join();
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
  const State after = TimersRun() ? State::kRuns : State::kDamaged;
  State expected = State::kNotStarted;
  g_state.compare_exchange_strong(expected, after, std::memory_order_acq_rel);
  return Verdict(g_state.load(std::memory_order_acquire));
}

}  // namespace percpu::wire
