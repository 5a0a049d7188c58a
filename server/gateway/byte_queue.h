// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_BYTE_QUEUE_H_
#define PERCPUD_SERVER_GATEWAY_BYTE_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace percpud::gateway {

// Bytes that wait, first in, first out. Its writer bounds it. Not thread safe.
class ByteQueue {
 public:
  [[nodiscard]] std::size_t size() const { return bytes_.size() - taken_; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  // What waits; valid until the next change.
  [[nodiscard]] std::span<const std::uint8_t> view() const {
    return std::span(bytes_).subspan(taken_);
  }

  void Append(std::span<const std::uint8_t> more) {
    // Taken bytes make room once they are the larger part, so that each byte moves once at most.
    if (taken_ > size()) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
      taken_ = 0;
    }
    bytes_.insert(bytes_.end(), more.begin(), more.end());
  }
  // Moves as much as fits, and returns how much that was.
  std::size_t Take(std::span<std::uint8_t> out) {
    const std::size_t count = std::min(out.size(), size());
    if (count > 0) std::memcpy(out.data(), bytes_.data() + taken_, count);
    Drop(count);
    return count;
  }
  // Forgets the first `count` bytes. REQUIRES: that many wait.
  void Drop(std::size_t count) {
    taken_ += count;
    if (taken_ == bytes_.size()) Clear();
  }
  // Forgets all, and gives the memory back.
  void Clear() {
    bytes_ = {};
    taken_ = 0;
  }

 private:
  std::vector<std::uint8_t> bytes_;
  // At the beginning of bytes_.
  std::size_t taken_ = 0;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_BYTE_QUEUE_H_
