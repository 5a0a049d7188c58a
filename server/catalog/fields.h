// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Fields of records, written and read one after the other: what the codec's sources
// have in common.

#ifndef PERCPUD_SERVER_CATALOG_FIELDS_H_
#define PERCPUD_SERVER_CATALOG_FIELDS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/string_view.h"

namespace percpud::catalog::internal {

constexpr std::size_t kCheckBytes = sizeof(std::uint32_t);

// The checksum over a record.
std::uint32_t Check(absl::string_view key, absl::string_view payload);

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) { out_.append(kCheckBytes, '\0'); }

  template <typename T>
  Writer& operator<<(const T& field) {
    static_assert(std::is_trivially_copyable_v<T>);
    out_.append(reinterpret_cast<const char*>(&field), sizeof(field));
    return *this;
  }
  Writer& Text(absl::string_view text) {
    *this << static_cast<std::uint32_t>(text.size());
    out_.append(text.data(), text.size());
    return *this;
  }

 private:
  std::string& out_;
};

// Reads what Writer wrote; once something is missing, nothing more is there.
class Reader {
 public:
  Reader(absl::string_view key, absl::string_view value) : rest_(value) {
    std::uint32_t check = 0;
    *this >> check;
    ok_ = ok_ && check == Check(key, rest_);
  }

  template <typename T>
  Reader& operator>>(T& field) {
    static_assert(std::is_trivially_copyable_v<T>);
    ok_ = ok_ && rest_.size() >= sizeof(T);
    if (ok_) {
      std::memcpy(&field, rest_.data(), sizeof(T));
      rest_.remove_prefix(sizeof(T));
    }
    return *this;
  }
  Reader& Text(absl::string_view& text) {
    std::uint32_t size = 0;
    *this >> size;
    ok_ = ok_ && size <= rest_.size();
    if (ok_) {
      text = rest_.substr(0, size);
      rest_.remove_prefix(size);
    }
    return *this;
  }
  Reader& Text(std::string& text) {
    absl::string_view view;
    Text(view);
    text.assign(view.data(), view.size());
    return *this;
  }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  // All was there, and nothing else.
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  absl::string_view rest_;
  bool ok_ = true;
};

// The number that a key of eight bytes is.
inline std::optional<std::uint64_t> Number(absl::string_view key) {
  std::uint64_t id = 0;
  if (key.size() != sizeof(id)) return std::nullopt;
  std::memcpy(&id, key.data(), sizeof(id));
  return id;
}

// The two numbers that a key of sixteen bytes is.
inline std::optional<std::pair<std::uint64_t, std::uint64_t>> Numbers(absl::string_view key) {
  constexpr std::size_t kHalf = sizeof(std::uint64_t);
  const std::optional<std::uint64_t> first = Number(key.substr(0, kHalf));
  const std::optional<std::uint64_t> second = Number(key.substr(std::min(key.size(), kHalf)));
  if (!first || !second) return std::nullopt;
  return std::pair(*first, *second);
}

template <typename Record>
std::optional<Record> Finish(const Reader& reader, Record record) {
  if (!reader.done()) return std::nullopt;
  return record;
}

}  // namespace percpud::catalog::internal

#endif  // PERCPUD_SERVER_CATALOG_FIELDS_H_
