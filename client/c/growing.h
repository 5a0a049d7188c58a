// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_GROWING_H_
#define PERCPUD_CLIENT_C_GROWING_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <type_traits>
#include <utility>

namespace percpud::c {

// An array that grows at its end, with malloc and without exceptions: an append that
// finds no memory returns false. Owns its memory. Not thread safe.
template <typename T>
class Growing {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Growing() = default;
  ~Growing() { std::free(items_); }
  Growing(const Growing&) = delete;
  Growing& operator=(const Growing&) = delete;

  [[nodiscard]] bool Append(const T& item) { return Append(std::span<const T>(&item, 1)); }
  // `items` are none of this array's.
  [[nodiscard]] bool Append(std::span<const T> items) {
    if (items.empty()) return true;
    if (!Reserve(items.size()) || items_ == nullptr) return false;
    for (const T& item : items) items_[size_++] = item;
    return true;
  }
  void Clear() { size_ = 0; }
  // What is new is all zeros.
  [[nodiscard]] bool Resize(std::size_t size) {
    if (size > size_ && !Reserve(size - size_)) return false;
    for (std::size_t i = size_; i < size; ++i) items_[i] = T{};
    size_ = size;
    return true;
  }
  void Swap(Growing& other) {
    std::swap(items_, other.items_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  T& operator[](std::size_t index) {
    assert(index < size_);
    return items_[index];
  }
  const T& operator[](std::size_t index) const {
    assert(index < size_);
    return items_[index];
  }
  [[nodiscard]] std::span<T> all() { return {items_, size_}; }
  [[nodiscard]] std::span<const T> all() const { return {items_, size_}; }

 private:
  bool Reserve(std::size_t more) {
    if (capacity_ - size_ >= more) return true;
    if (more > SIZE_MAX / 4 / sizeof(T) || size_ > SIZE_MAX / 4 / sizeof(T)) return false;
    constexpr std::size_t kLeast = 16;
    std::size_t wanted = capacity_ < kLeast ? kLeast : capacity_ * 2;
    if (wanted < size_ + more) wanted = size_ + more;
    void* const memory = std::realloc(items_, wanted * sizeof(T));
    if (memory == nullptr) return false;
    items_ = static_cast<T*>(memory);
    capacity_ = wanted;
    return true;
  }

  T* items_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_GROWING_H_
