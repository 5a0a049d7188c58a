// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_MESSAGE_METER_H_
#define PERCPUD_SERVER_GATEWAY_MESSAGE_METER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "server/base/units.h"

namespace percpud::gateway {

// Follows the messages of one call, which come in pieces: a byte that says whether the
// message is compressed, four of its length, the message. Not thread safe.
class MessageMeter {
 public:
  explicit MessageMeter(Bytes limit) : limit_(limit) {}

  // The next bytes. Errors: CompressionRefused, MessageOverLimit; the call is over then.
  absl::Status Feed(std::span<const std::uint8_t> bytes);

  // How many messages have begun.
  [[nodiscard]] std::uint64_t messages() const { return messages_; }
  // Whether the last message is complete.
  [[nodiscard]] bool is_complete() const { return prefix_bytes_ == 0 && left_ == 0; }

 private:
  absl::Status Begin();

  const Bytes limit_;
  std::array<std::uint8_t, 5> prefix_{};
  std::size_t prefix_bytes_ = 0;
  // Bytes that the present message still has.
  std::uint64_t left_ = 0;
  std::uint64_t messages_ = 0;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_MESSAGE_METER_H_
