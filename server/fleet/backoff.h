// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_BACKOFF_H_
#define PERCPUD_SERVER_FLEET_BACKOFF_H_

#include <algorithm>
#include <cstdint>

#include "absl/random/random.h"
#include "absl/time/time.h"

namespace percpud::fleet {

// How long to wait before the next attempt: twice as long each time, up to a limit, less a
// random part of up to a half, so that hosts do not come all at once. Not thread safe.
class Backoff {
 public:
  static constexpr absl::Duration kFirst = absl::Milliseconds(200);
  static constexpr absl::Duration kMost = absl::Seconds(5);

  absl::Duration Next() {
    const absl::Duration whole = next_;
    next_ = std::min(2 * next_, kMost);
    return whole * absl::Uniform(random_, 0.5, 1.0);
  }
  // After an attempt that went well.
  void Reset() { next_ = kFirst; }

 private:
  absl::Duration next_ = kFirst;
  absl::BitGen random_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_BACKOFF_H_
