// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exposition/text.h"

#include <algorithm>
#include <cstdint>

namespace percpud::exposition {

bool Text::Grow(std::size_t bytes) {
  constexpr std::size_t kLeast = 256;
  // Once it has failed there is no room at all: what follows would be out of place.
  if (ok_ && bytes <= SIZE_MAX / 4 && size_ <= SIZE_MAX / 4) {
    const std::size_t wanted = std::max({size_ + bytes, capacity_ + capacity_ / 2, kLeast});
    if (void* const memory = std::realloc(bytes_, wanted)) {
      bytes_ = static_cast<char*>(memory);
      capacity_ = wanted;
      return true;
    }
  }
  ok_ = false;
  capacity_ = size_;
  return false;
}

}  // namespace percpud::exposition
