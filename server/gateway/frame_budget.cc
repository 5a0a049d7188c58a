// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/frame_budget.h"

#include <nghttp2/nghttp2.h>

#include "server/gateway/limits.h"

namespace percpud::gateway {

// Bursts are what clients were seen to send at once, many times over; rates as well.
FrameBudget::FrameBudget()
    : buckets_{TokenBucket(10, 100),    // Data without a byte that does not end a call.
               TokenBucket(10, 100),    // Priorities, which nobody heeds.
               TokenBucket(100, 400),   // Resets: a client that gives up its calls.
               TokenBucket(1, 16),      // Settings.
               TokenBucket(10, 100),    // Pings: keepalive, and estimates of the bandwidth.
               TokenBucket(500, 2000),  // Window updates beside those that data earns.
               TokenBucket(1, 16)} {}   // What is unknown, or not a client's to send.

bool FrameBudget::TakeHeaders(const FrameHead& frame) {
  if (frame.type == NGHTTP2_HEADERS) header_block_ = 0;
  header_block_ += frame.length;
  return header_block_ <= kMaxHeaderBlock;
}

bool FrameBudget::Take(const FrameHead& frame, BootTime now) {
  switch (frame.type) {
    case NGHTTP2_DATA: {
      const bool says_something = frame.length > 0 || (frame.flags & NGHTTP2_FLAG_END_STREAM) != 0;
      return says_something || Of(kEmptyData).Take(now);
    }
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
      return TakeHeaders(frame);
    case NGHTTP2_PRIORITY:
      return Of(kPriority).Take(now);
    case NGHTTP2_RST_STREAM:
      return Of(kReset).Take(now);
    case NGHTTP2_SETTINGS:
      return Of(kSettings).Take(now);
    case NGHTTP2_PING:
      return Of(kPing).Take(now);
    case NGHTTP2_WINDOW_UPDATE:
      return Of(kWindowUpdate).Take(now);
    default:
      return Of(kOther).Take(now);
  }
}

}  // namespace percpud::gateway
