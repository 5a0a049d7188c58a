// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_ZEROED_ARRAY_H_
#define PERCPUD_SERVER_BASE_ZEROED_ARRAY_H_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace percpud {

// Memory that reads zero. Small blocks come from the heap without a system
// call; large ones are mapped without reservation and cost only the pages that
// are written, so a table for 64 TiB of arena may exist on a laptop. Aborts when
// the system has no memory, as `new` does here.
void* AllocateZeroed(std::size_t bytes);
// REQUIRES: `memory` came from AllocateZeroed(bytes), or is null.
void FreeZeroed(void* memory, std::size_t bytes);

// A fixed number of plain values, zero at first: a std::vector that does not
// touch what nobody wrote. The home of tables with an entry per page.
//
// REQUIRES of every index: index < size(). Owns its memory. Thread compatible.
template <typename T>
class ZeroedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_default_constructible_v<T>);

 public:
  explicit ZeroedArray(std::uint64_t size)
      : size_(size), values_(static_cast<T*>(AllocateZeroed(size * sizeof(T)))) {}
  ~ZeroedArray() { FreeZeroed(values_, size_ * sizeof(T)); }

  // Copies every value, which touches the whole copy.
  ZeroedArray(const ZeroedArray& other) : ZeroedArray(other.size_) {
    std::copy(other.begin(), other.end(), begin());
  }
  ZeroedArray(ZeroedArray&& other) noexcept
      : size_(std::exchange(other.size_, 0)), values_(std::exchange(other.values_, nullptr)) {}
  ZeroedArray& operator=(ZeroedArray other) noexcept {
    std::swap(size_, other.size_);
    std::swap(values_, other.values_);
    return *this;
  }

  T& operator[](std::uint64_t index) {
    assert(index < size_);
    return values_[index];
  }
  const T& operator[](std::uint64_t index) const {
    assert(index < size_);
    return values_[index];
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  T* begin() { return values_; }
  T* end() { return values_ + size_; }
  const T* begin() const { return values_; }
  const T* end() const { return values_ + size_; }

 private:
  std::uint64_t size_;
  T* values_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_ZEROED_ARRAY_H_
