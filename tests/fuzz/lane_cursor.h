// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_FUZZ_LANE_CURSOR_H_
#define PERCPUD_TESTS_FUZZ_LANE_CURSOR_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>

namespace percpud::fuzz::lane {

// Reads a message from its front.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  T Take() {
    T value{};
    if (bytes_.size() < sizeof(T)) {
      failed_ = true;
      bytes_ = {};
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    taken_ += sizeof(T);
    return value;
  }
  std::string TakeText(std::size_t length) {
    std::string text;
    for (std::size_t i = 0; i < length && !failed_; ++i) text.push_back(Take<char>());
    return text;
  }
  // Skips zeros up to where a multiple of 8 begins; anything else is a failure.
  void TakePad() {
    while (taken_ % 8 != 0 && !failed_) {
      if (Take<char>() != 0) failed_ = true;
    }
  }
  // Only zeros are left, and fewer than a record's alignment.
  [[nodiscard]] bool IsPadding() const {
    return !failed_ && bytes_.size() < 8 &&
           std::all_of(bytes_.begin(), bytes_.end(), [](std::byte b) { return b == std::byte{}; });
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  std::size_t taken_ = 0;
  bool failed_ = false;
};

}  // namespace percpud::fuzz::lane

#endif  // PERCPUD_TESTS_FUZZ_LANE_CURSOR_H_
