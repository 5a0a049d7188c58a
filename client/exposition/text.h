// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPOSITION_TEXT_H_
#define PERCPUD_CLIENT_EXPOSITION_TEXT_H_

#include <cassert>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace percpud::exposition {

// Text that grows at its end, for libraries without exceptions: when memory is short
// ok() turns false, and nothing is appended from then on. Owns its memory, which
// malloc made. Not thread safe.
class Text {
 public:
  Text() = default;
  ~Text() { std::free(bytes_); }
  Text(Text&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)),
        ok_(std::exchange(other.ok_, true)) {}
  Text& operator=(Text&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(ok_, other.ok_);
    return *this;
  }

  Text& Append(std::string_view text) {
    if (text.empty()) return *this;
    if (char* const room = Room(text.size())) {
      std::memcpy(room, text.data(), text.size());
      size_ += text.size();
    }
    return *this;
  }
  Text& Append(char byte) { return Append(std::string_view(&byte, 1)); }

  // Returns where at least `bytes` may be written before Commit, or null.
  char* Room(std::size_t bytes) {
    if (capacity_ - size_ < bytes && !Grow(bytes)) return nullptr;
    return bytes_ + size_;
  }
  // REQUIRES: as many bytes were written to Room.
  void Commit(std::size_t bytes) {
    assert(bytes <= capacity_ - size_);
    size_ += bytes;
  }
  // Cuts the text to its first `size` bytes. The memory stays. REQUIRES: it has as many.
  void Truncate(std::size_t size) {
    assert(size <= size_);
    size_ = size;
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::string_view view() const { return {bytes_, size_}; }
  // Hands the memory to the caller, who frees it; null if the text never had any.
  char* Release() {
    size_ = 0;
    capacity_ = 0;
    return std::exchange(bytes_, nullptr);
  }

 private:
  // False, as it is from then on, if there is no memory for as many more bytes.
  bool Grow(std::size_t bytes);

  char* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  bool ok_ = true;
};

}  // namespace percpud::exposition

#endif  // PERCPUD_CLIENT_EXPOSITION_TEXT_H_
