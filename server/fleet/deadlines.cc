// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/deadlines.h"

#include <cassert>

#include "absl/time/clock.h"

namespace percpud::fleet {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(100);
// gRPC, whose word for it is the clearer one, comes first.
constexpr absl::Duration kGrace = absl::Milliseconds(50);

}  // namespace

Deadlines::Watched::Watched(Deadlines& deadlines, grpc::ClientContext& context,
                            absl::Duration patience)
    : deadlines_(deadlines), context_(context) {
  context_.set_deadline(absl::ToChronoTime(absl::Now() + patience));
  const RankedLock lock(&deadlines_.mutex_);
  deadlines_.ends_.emplace(&context_, deadlines_.clock_.Now() + patience + kGrace);
  if (deadlines_.all_end_) context_.TryCancel();
}

Deadlines::Watched::~Watched() {
  const RankedLock lock(&deadlines_.mutex_);
  deadlines_.ends_.erase(&context_);
}

Deadlines::Deadlines(const Clock& clock) : clock_(clock), thread_([this] { Run(); }) {}

Deadlines::~Deadlines() {
  {
    const RankedLock lock(&mutex_);
    assert(ends_.empty());
    stopping_ = true;
  }
  thread_.join();
}

void Deadlines::EndAll() {
  const RankedLock lock(&mutex_);
  all_end_ = true;
  for (const auto& each : ends_) each.first->TryCancel();
}

void Deadlines::Run() {
  const RankedLock lock(&mutex_);
  const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !ends_.empty();
  };
  while (!stopping_) {
    mutex_.Await(absl::Condition(&has_work));
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kLook);
    EndLate();
  }
}

void Deadlines::EndLate() {
  const BootTime now = clock_.Now();
  for (const auto& [context, end] : ends_) {
    if (now >= end) context->TryCancel();
  }
}

}  // namespace percpud::fleet
