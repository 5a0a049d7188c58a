// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/message_meter.h"

#include <algorithm>

#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud::gateway {

absl::Status MessageMeter::Begin() {
  prefix_bytes_ = 0;
  for (const std::uint8_t byte : std::span(prefix_).subspan(1)) left_ = left_ << 8 | byte;
  if (left_ > limit_.value()) return errors::MessageOverLimit(Bytes(left_), limit_);
  return absl::OkStatus();
}

absl::Status MessageMeter::Feed(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const std::size_t part = std::min<std::uint64_t>(left_, bytes.size());
      left_ -= part;
      bytes = bytes.subspan(part);
      continue;
    }
    if (prefix_bytes_ == 0) {
      ++messages_;
      if (bytes.front() != 0) return errors::CompressionRefused();
    }
    prefix_[prefix_bytes_++] = bytes.front();
    bytes = bytes.subspan(1);
    if (prefix_bytes_ == prefix_.size()) RETURN_IF_ERROR(Begin());
  }
  return absl::OkStatus();
}

}  // namespace percpud::gateway
