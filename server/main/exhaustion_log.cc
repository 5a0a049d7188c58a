// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/exhaustion_log.h"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>

namespace percpud {

void ExhaustionLog::Note(const absl::Status& refused) {
  constexpr std::chrono::minutes kPause{1};
  if (!absl::IsResourceExhausted(refused)) return;
  const auto now = std::chrono::steady_clock::now();
  std::uint64_t unsaid = 0;
  {
    RankedLock lock(&mu_);
    if (last_ && now - *last_ < kPause) {
      ++unsaid_;
      return;
    }
    last_ = now;
    unsaid = std::exchange(unsaid_, 0);
  }
  const std::string before =
      unsaid == 0 ? std::string() : fmt::format(" ({} more since the last warning)", unsaid);
  spdlog::warn("a request was refused: {}{}", std::string(refused.message()), before);
}

}  // namespace percpud
