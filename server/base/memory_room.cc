// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/memory_room.h"

#include <algorithm>
#include <cassert>

#include "server/base/errors.h"

namespace percpud {
namespace {

// Others of the group take from what is left, too.
constexpr std::uint64_t kPart = 4;
// Where nothing limits, a limit may still be set.
constexpr Bytes kWithoutLimit{std::uint64_t{1} << 40};

}  // namespace

MemoryRoom::MemoryRoom(Options options) : options_(std::move(options)) {
  assert(options_.clock != nullptr && options_.read);
}

absl::Status MemoryRoom::Take(Bytes length) {
  RankedLock lock(&mu_);
  const BootTime now = options_.clock->Now();
  if (length > allowance_ || now >= good_until_) {
    const MemoryLimit limit =
        options_.read().value_or(MemoryLimit{.limit = kWithoutLimit, .used = Bytes(0)});
    const Bytes left = limit.left();
    if (length > left || left - length < kOwnUse) {
      return errors::OverMemoryLimit("growth", length, left, limit.limit, limit.group);
    }
    allowance_ = std::max(length, Bytes(left.value() / kPart));
    good_until_ = now + kGoodFor;
  }
  allowance_ = allowance_ - length;
  return absl::OkStatus();
}

}  // namespace percpud
