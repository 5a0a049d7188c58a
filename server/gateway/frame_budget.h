// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_FRAME_BUDGET_H_
#define PERCPUD_SERVER_GATEWAY_FRAME_BUDGET_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/gateway/token_bucket.h"

namespace percpud::gateway {

// The first nine bytes of a frame, as far as they matter here.
struct FrameHead {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::size_t length = 0;
};

// How many frames of each kind one connection may send. Every kind has a rate that no
// client reaches which means well, so a peer above it is flooding. The size of a header
// block is bounded here as well, before anybody unpacks it. Not thread safe.
class FrameBudget {
 public:
  FrameBudget();

  // Takes a frame that has begun to come in. False if it is one too many of its kind, or
  // makes its header block too large: the connection has to end.
  bool Take(const FrameHead& frame, BootTime now);
  // A frame of data went to the peer, which will give its window back.
  void SentData() { Of(kWindowUpdate).Earn(kWindowUpdatesPerData); }

 private:
  enum Kind : std::size_t {
    kEmptyData,
    kPriority,
    kReset,
    kSettings,
    kPing,
    kWindowUpdate,
    kOther,
    kKinds,
  };
  // One for the call and one for the connection, as a rule; some clients send twice that.
  static constexpr double kWindowUpdatesPerData = 4;

  TokenBucket& Of(Kind kind) { return buckets_[kind]; }
  bool TakeHeaders(const FrameHead& frame);

  std::array<TokenBucket, kKinds> buckets_;
  // Bytes of the header block that is coming in.
  std::size_t header_block_ = 0;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_FRAME_BUDGET_H_
