// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/stream_gate.h"

#include <algorithm>

#include "server/base/clock.h"
#include "server/base/errors.h"
#include "server/base/limits.h"

namespace percpud {

StreamGate::Place::~Place() {
  if (gate_ == nullptr) return;
  RankedLock lock(&gate_->mu_);
  --gate_->open_;
}

StreamGate::StreamGate(std::uint32_t limit)
    : limit_(limit), limit_per_peer_(std::max(1U, limit / kStreamsPerPeerShare)) {}

absl::StatusOr<StreamGate::Place> StreamGate::Open(const std::shared_ptr<PeerAccount>& account) {
  PeerAccount::Place of_peer = PeerAccount::TakeStream(account, limit_per_peer_);
  if (!of_peer.taken()) return errors::TooManyStreams(limit_per_peer_);
  RankedLock lock(&mu_);
  if (open_ == limit_) return errors::TooManyWatchers(limit_);
  ++open_;
  return Place(this, std::move(of_peer));
}

void StreamGate::Drain() {
  RankedLock lock(&mu_);
  draining_ = true;
}

void StreamGate::AwaitEmpty(BootTime deadline) {
  RankedLock lock(&mu_);
  mu_.AwaitWithTimeout(absl::Condition(this, &StreamGate::IsEmpty), deadline - NowSinceBoot());
}

bool StreamGate::draining() const {
  RankedLock lock(&mu_);
  return draining_;
}

}  // namespace percpud
