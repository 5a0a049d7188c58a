// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_TOKEN_BUCKET_H_
#define PERCPUD_SERVER_GATEWAY_TOKEN_BUCKET_H_

#include <algorithm>

#include "absl/time/time.h"
#include "server/base/clock.h"

namespace percpud::gateway {

// A rate with a burst. Not thread safe; time comes from outside and never goes back.
class TokenBucket {
 public:
  // Full at first. REQUIRES: both are above zero.
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  // Takes one token; false if there is none.
  bool Take(BootTime now) {
    Refill(now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  // Takes what something cost that has already happened, and may go into debt by it.
  void Charge(double cost, BootTime now) {
    Refill(now);
    tokens_ -= cost;
  }
  [[nodiscard]] bool InDebt(BootTime now) {
    Refill(now);
    return tokens_ < 0;
  }
  // Gives some back, up to the burst.
  void Earn(double tokens) { tokens_ = std::min(burst_, tokens_ + tokens); }

 private:
  void Refill(BootTime now) {
    if (now > filled_at_ && filled_at_ != BootTime::InfinitePast()) {
      Earn(absl::ToDoubleSeconds(now - filled_at_) * per_second_);
    }
    filled_at_ = std::max(filled_at_, now);
  }

  const double per_second_;
  const double burst_;
  double tokens_;
  BootTime filled_at_ = BootTime::InfinitePast();
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_TOKEN_BUCKET_H_
