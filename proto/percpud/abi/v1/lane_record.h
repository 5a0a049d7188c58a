// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What reading and writing the lane's requests and answers (lane.h) have in common.
// Header-only, without exceptions or allocation: the server, the SDK and the C library
// share it.

#ifndef PERCPUD_PROTO_ABI_V1_LANE_RECORD_H_
#define PERCPUD_PROTO_ABI_V1_LANE_RECORD_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "proto/percpud/abi/v1/lane.h"

namespace percpud::abi::v1 {

using LaneBytes = std::span<const std::byte>;

// What a reader came upon.
enum class LaneNext : std::uint8_t { kRecord, kEnd, kMalformed };

constexpr std::size_t LaneRoundUp(std::size_t bytes) {
  return (bytes + kLaneAlign - 1) / kLaneAlign * kLaneAlign;
}

// Copies a T out of a message, which need not be aligned. REQUIRES: it lies within.
template <typename T>
T LaneLoad(LaneBytes bytes, std::size_t at) {
  static_assert(std::is_trivially_copyable_v<T>);
  assert(at <= bytes.size() && sizeof(T) <= bytes.size() - at);
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof(out));
  return out;
}

// Whether a body that says `used` bytes of itself is that long, with zeros up to the
// next multiple of kLaneAlign.
inline bool LaneBodyIs(LaneBytes body, std::size_t used) {
  if (body.size() != LaneRoundUp(used)) return false;
  for (std::size_t at = used; at < body.size(); ++at) {
    if (body[at] != std::byte{0}) return false;
  }
  return true;
}

inline std::string_view LaneText(LaneBytes body, std::size_t at, std::size_t bytes) {
  assert(at <= body.size() && bytes <= body.size() - at);
  return {reinterpret_cast<const char*>(body.data()) + at, bytes};
}

// How many bytes of a text are at most `limit` and end with a whole code point.
inline std::size_t LaneCutText(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text.size();
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0U) == 0x80U) --limit;
  return limit;
}

// Cuts one record after the other out of a message, by the length with which each
// begins. Header is LaneRequestHeader or LaneAnswerHeader.
template <typename Header>
class LaneRecords {
 public:
  // The message outlives the reader and what it returns.
  explicit LaneRecords(LaneBytes message) : rest_(message) {}

  // At kRecord, `header` and `body` are the next record's.
  LaneNext Next(Header& header, LaneBytes& body) {
    if (rest_.empty()) return LaneNext::kEnd;
    if (rest_.size() < sizeof(Header)) return LaneNext::kMalformed;
    header = LaneLoad<Header>(rest_, 0);
    if (header.bytes < sizeof(Header) || header.bytes > rest_.size() ||
        header.bytes % kLaneAlign != 0) {
      return LaneNext::kMalformed;
    }
    body = LaneBytes(rest_.data() + sizeof(Header), header.bytes - sizeof(Header));
    rest_ = LaneBytes(rest_.data() + header.bytes, rest_.size() - header.bytes);
    return LaneNext::kRecord;
  }

 private:
  LaneBytes rest_;
};

// Writes records behind each other into a caller's buffer.
class LaneBuffer {
 public:
  // `memory` outlives this.
  explicit LaneBuffer(std::span<std::byte> memory) : memory_(memory) {}

  // Begins a record of `bytes`, a multiple of kLaneAlign or rounded up to one; false,
  // with nothing written, if it does not fit.
  bool Begin(std::size_t bytes) {
    bytes = LaneRoundUp(bytes);
    if (bytes > memory_.size() - end_) return false;
    at_ = end_;
    end_ += bytes;
    return true;
  }
  // Appends to the record. REQUIRES: begun with that much room left.
  template <typename T>
  void Put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    PutBytes(&value, sizeof(value));
  }
  void PutBytes(const void* bytes, std::size_t count) {
    assert(count <= end_ - at_);
    if (count > 0) std::memcpy(memory_.data() + at_, bytes, count);
    at_ += count;
  }
  // Fills the record up with zeros.
  void End() {
    if (end_ > at_) std::memset(memory_.data() + at_, 0, end_ - at_);
    at_ = end_;
  }

  [[nodiscard]] std::size_t room() const { return memory_.size() - end_; }
  [[nodiscard]] LaneBytes message() const { return {memory_.data(), end_}; }
  void Clear() { at_ = end_ = 0; }

 private:
  std::span<std::byte> memory_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
};

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_RECORD_H_
