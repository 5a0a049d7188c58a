// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/unary_call.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace percpu::wire {
namespace {

// A call that is cancelled ends at once.
constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr absl::Duration kPause = absl::Milliseconds(1);

bool AwaitEvent(grpc::CompletionQueue& queue, Connectivity& connectivity, const Deadline& by) {
  while (true) {
    void* tag = nullptr;
    bool ok = false;
    const Waited waited = connectivity.AwaitEvent(queue, tag, ok, by);
    if (waited != Waited::kCouldNot) return waited == Waited::kCame;
    absl::SleepFor(kPause);
  }
}

}  // namespace

CallEnd AwaitEnd(grpc::ClientContext& context, grpc::CompletionQueue& queue,
                 Connectivity& connectivity, const Deadline& deadline) {
  if (AwaitEvent(queue, connectivity, WithGrace(deadline))) return CallEnd::kCame;
  context.TryCancel();
  const bool came = AwaitEvent(queue, connectivity, Deadline::After(kPatience));
  return came ? CallEnd::kCancelled : CallEnd::kNever;
}

}  // namespace percpu::wire
