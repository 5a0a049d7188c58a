// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/connectivity.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <utility>

#include "percpu/internal/wire/grpc_time.h"
#include "server/base/status_macros.h"

namespace percpu::wire {
namespace {

// gRPC makes a pause up to a fifth longer than it was told, and 100 ms at least.
absl::Duration Patience(absl::Duration longest_pause) {
  return std::max(longest_pause, absl::Milliseconds(100)) * 1.5;
}
// How often a wait looks whether the channel pauses for too long.
constexpr absl::Duration kLook = absl::Milliseconds(250);
constexpr std::size_t kSweptAtATime = 8;

// A queue whose wait gRPC has not ended cannot be destroyed. After a step of the clock that may
// be never, so it stays, named from here until the process ends.
struct Left {
  std::unique_ptr<grpc::CompletionQueue> queue;
  Left* next;
};
std::atomic<Left*> g_left = nullptr;

void Leave(std::unique_ptr<grpc::CompletionQueue> queue) {
  auto* const left = new Left{.queue = std::move(queue), .next = g_left.load()};
  while (!g_left.compare_exchange_weak(left->next, left)) {
  }
}

}  // namespace

Connectivity::Connectivity(std::shared_ptr<grpc::Channel> channel, absl::Duration longest_pause)
    : channel_(std::move(channel)), longest_pause_(longest_pause) {
  assert(channel_ != nullptr);
}

Connectivity::~Connectivity() {
  Sweep();
  MutexLock lock(&mu_);
  for (Queue& queue : abandoned_) Leave(std::move(queue));
}

absl::Status Connectivity::Await(const Deadline& deadline) {
  while (true) {
    const grpc_connectivity_state state = channel_->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return absl::OkStatus();
    if (deadline.has_passed()) return absl::UnavailableError("no daemon answers");
    RETURN_IF_ERROR(AwaitChange(state, deadline));
  }
}

// Channel::WaitForConnected does the same, but depends on gRPC's timers, and ends the
// process if it runs out of descriptors.
absl::Status Connectivity::AwaitChange(grpc_connectivity_state state, const Deadline& deadline) {
  Sweep();
  Hasten();
  auto queue = std::make_unique<grpc::CompletionQueue>();
  channel_->NotifyOnStateChange(state, ToGrpc(deadline), queue.get(), nullptr);
  void* tag = nullptr;
  bool changed = false;
  const Waited waited = AwaitEvent(*queue, tag, changed, WithGrace(deadline));
  if (waited == Waited::kCame) return absl::OkStatus();
  Abandon(std::move(queue));
  if (waited == Waited::kLate) return absl::OkStatus();
  return absl::ResourceExhaustedError("this process has too few descriptors left to connect");
}

Waited Connectivity::AwaitEvent(grpc::CompletionQueue& queue, void*& tag, bool& ok,
                                const Deadline& deadline) {
  while (true) {
    const Deadline look = std::min(deadline, Deadline::After(kLook));
    const auto next = queue.AsyncNext(&tag, &ok, ToGrpc(look));
    if (next == grpc::CompletionQueue::GOT_EVENT) return Waited::kCame;
    if (!look.has_passed()) return Waited::kCouldNot;
    if (deadline.has_passed()) return Waited::kLate;
    Hasten();
  }
}

void Connectivity::Hasten() {
  const bool pauses =
      channel_->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_TRANSIENT_FAILURE;
  {
    MutexLock lock(&mu_);
    const bool is_over = pauses && pause_ends_ && pause_ends_->has_passed();
    if (!pauses) pause_ends_.reset();
    if (pauses && (is_over || !pause_ends_)) {
      pause_ends_ = Deadline::After(Patience(longest_pause_));
    }
    if (!is_over) return;
  }
  grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
}

void Connectivity::Abandon(Queue queue) {
  MutexLock lock(&mu_);
  abandoned_.push_back(std::move(queue));
}

void Connectivity::Sweep() {
  MutexLock lock(&mu_);
  for (std::size_t i = std::min(kSweptAtATime, abandoned_.size()); i > 0; --i) {
    Queue queue = std::move(abandoned_.front());
    abandoned_.pop_front();
    void* tag = nullptr;
    bool changed = false;
    const auto next = queue->AsyncNext(&tag, &changed, LongAgo());
    if (next != grpc::CompletionQueue::GOT_EVENT) abandoned_.push_back(std::move(queue));
  }
}

}  // namespace percpu::wire
