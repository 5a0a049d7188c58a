// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/unary_call.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace percpu::wire {
namespace {

// gRPC ends a call at its deadline by itself, unless its timers stand still.
constexpr absl::Duration kGrace = absl::Milliseconds(20);
// A call that is cancelled ends at once.
constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr absl::Duration kPause = absl::Milliseconds(1);

bool AwaitEvent(grpc::CompletionQueue& queue, const Deadline& by) {
  while (true) {
    void* tag = nullptr;
    bool ok = false;
    const auto next = queue.AsyncNext(&tag, &ok, ToGrpc(by));
    if (next == grpc::CompletionQueue::GOT_EVENT) return true;
    if (by.has_passed()) return false;
    // There is no descriptor to wait with just now.
    absl::SleepFor(kPause);
  }
}

}  // namespace

CallEnd AwaitEnd(grpc::ClientContext& context, grpc::CompletionQueue& queue,
                 const Deadline& deadline) {
  if (AwaitEvent(queue, Deadline::After(deadline.left() + kGrace))) return CallEnd::kCame;
  context.TryCancel();
  return AwaitEvent(queue, Deadline::After(kPatience)) ? CallEnd::kCancelled : CallEnd::kNever;
}

}  // namespace percpu::wire
