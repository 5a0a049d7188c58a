// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Bodies of the lane's records whose parts vary in length (lane_metrics.h): read part by
// part, and written part by part. Header-only, without exceptions or allocation.

#ifndef PERCPUD_PROTO_ABI_V1_LANE_BODY_H_
#define PERCPUD_PROTO_ABI_V1_LANE_BODY_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "proto/percpud/abi/v1/lane_record.h"

namespace percpud::abi::v1 {

// Texts behind each other, each with its length before it: label names, or label
// values. A view into a message that was checked.
class LaneTexts {
 public:
  LaneTexts() = default;
  LaneTexts(LaneBytes bytes, std::uint32_t count) : rest_(bytes), left_(count) {}

  // How many are left.
  [[nodiscard]] std::uint32_t left() const { return left_; }
  // The next one. REQUIRES: left() > 0.
  std::string_view Next() {
    assert(left_ > 0);
    const auto bytes = LaneLoad<std::uint16_t>(rest_, 0);
    const std::string_view text = LaneText(rest_, sizeof(bytes), bytes);
    rest_ = rest_.subspan(sizeof(bytes) + bytes);
    --left_;
    return text;
  }
  // What is left, as it lies in the message: equal texts have equal bytes.
  [[nodiscard]] std::string_view encoded() const { return LaneText(rest_, 0, rest_.size()); }

 private:
  LaneBytes rest_;
  std::uint32_t left_ = 0;
};

// Takes one part after the other from a body. Once a part is not there, none is.
class LaneScan {
 public:
  LaneScan() = default;
  // The body outlives the scan and what it returns.
  explicit LaneScan(LaneBytes body) : body_(body) {}

  template <typename T>
  bool Take(T& out) {
    if (!Has(sizeof(T))) return false;
    out = LaneLoad<T>(body_, at_);
    at_ += sizeof(T);
    return true;
  }
  bool TakeText(std::size_t bytes, std::string_view& out) {
    if (!Has(bytes)) return false;
    out = LaneText(body_, at_, bytes);
    at_ += bytes;
    return true;
  }
  bool TakeTexts(std::uint32_t count, LaneTexts& out) {
    const std::size_t begin = at_;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint16_t bytes = 0;
      std::string_view text;
      if (!Take(bytes) || !TakeText(bytes, text)) return false;
    }
    out = LaneTexts(body_.subspan(begin, at_ - begin), count);
    return true;
  }
  // `count` times a T, unread.
  template <typename T>
  bool TakeArray(std::size_t count, LaneBytes& out) {
    static_assert(std::is_trivially_copyable_v<T>);
    ok_ = ok_ && count <= body_.size() / sizeof(T);
    if (!Has(count * sizeof(T))) return false;
    out = body_.subspan(at_, count * sizeof(T));
    at_ += out.size();
    return true;
  }
  // Zeros up to the next multiple of kLaneAlign.
  bool TakePad() {
    std::string_view pad;
    if (!TakeText(LaneRoundUp(at_) - at_, pad)) return false;
    for (const char byte : pad) ok_ = ok_ && byte == 0;
    return ok_;
  }
  // Whether all parts were there, and nothing else is.
  [[nodiscard]] bool done() const { return ok_ && at_ == body_.size(); }

 private:
  bool Has(std::size_t bytes) {
    ok_ = ok_ && bytes <= body_.size() - at_;
    return ok_;
  }

  LaneBytes body_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

// Writes a body into a caller's memory. A part that does not fit is not written, and
// nothing is from then on until Rewind.
class LaneBody {
 public:
  // `memory` outlives this.
  explicit LaneBody(std::span<std::byte> memory) : memory_(memory) {}

  template <typename T>
  LaneBody& Put(const T& part) {
    static_assert(std::is_trivially_copyable_v<T>);
    return PutBytes(&part, sizeof(part));
  }
  LaneBody& PutText(std::string_view text) { return PutBytes(text.data(), text.size()); }
  // Each with its length before it. A text that is longer than a length can say does
  // not fit.
  LaneBody& PutTexts(std::span<const std::string_view> texts) {
    for (const std::string_view text : texts) {
      ok_ = ok_ && text.size() <= UINT16_MAX;
      Put(static_cast<std::uint16_t>(text.size())).PutText(text);
    }
    return *this;
  }
  LaneBody& PutPad() {
    constexpr char kZeros[kLaneAlign] = {};
    return PutBytes(kZeros, LaneRoundUp(end_) - end_);
  }
  // Writes a part anew. REQUIRES: it was written at `at`.
  template <typename T>
  void Patch(std::size_t at, const T& part) {
    assert(at <= end_ && sizeof(part) <= end_ - at);
    std::memcpy(memory_.data() + at, &part, sizeof(part));
  }
  // Takes back what was written from `at` on.
  void Rewind(std::size_t at) {
    assert(at <= end_);
    end_ = at;
    ok_ = true;
  }

  // Whether all fitted.
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t size() const { return end_; }
  [[nodiscard]] LaneBytes bytes() const { return {memory_.data(), end_}; }

 private:
  LaneBody& PutBytes(const void* bytes, std::size_t count) {
    ok_ = ok_ && count <= memory_.size() - end_;
    if (!ok_ || count == 0) return *this;
    std::memcpy(memory_.data() + end_, bytes, count);
    end_ += count;
    return *this;
  }

  std::span<std::byte> memory_;
  std::size_t end_ = 0;
  bool ok_ = true;
};

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_BODY_H_
