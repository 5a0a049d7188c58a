// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/stream_gate.h"

#include <algorithm>

#include "server/base/clock.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

// How soon a stream notices that its caller has gone: gRPC tells a synchronous
// method only when it asks.
constexpr absl::Duration kCancelPoll = absl::Milliseconds(250);

}  // namespace

StreamGate::Stream::~Stream() {
  if (gate_ == nullptr) return;
  RankedLock lock(&gate_->mu_);
  --gate_->open_;
}

bool StreamGate::Stream::Wait(const grpc::ServerContext& context, absl::Duration interval) {
  const absl::Time due = NowSinceBoot() + interval;
  while (!context.IsCancelled()) {
    const absl::Duration left = due - NowSinceBoot();
    if (left <= absl::ZeroDuration()) return true;
    RankedLock lock(&gate_->mu_);
    if (gate_->mu_.AwaitWithTimeout(absl::Condition(&gate_->draining_),
                                    std::min(left, kCancelPoll))) {
      return false;
    }
  }
  return false;
}

absl::StatusOr<StreamGate::Stream> StreamGate::Open() {
  RankedLock lock(&mu_);
  if (open_ == limit_) return errors::TooManyWatchers(limit_);
  ++open_;
  return Stream(this);
}

void StreamGate::Drain(absl::Time deadline) {
  RankedLock lock(&mu_);
  draining_ = true;
  mu_.AwaitWithTimeout(absl::Condition(this, &StreamGate::IsEmpty), deadline - NowSinceBoot());
}

bool StreamGate::draining() const {
  RankedLock lock(&mu_);
  return draining_;
}

}  // namespace percpud
