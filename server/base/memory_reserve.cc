// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/memory_reserve.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

namespace percpud {
namespace {

bool the_reserve_is_in_use = false;
// Each null while it is taken.
std::array<std::atomic<void*>, MemoryReserve::kParts> the_parts;

void* NewPart() { return std::malloc(MemoryReserve::kPart.value()); }

void TakePart() {
  for (std::atomic<void*>& part : the_parts) {
    void* const memory = part.exchange(nullptr);
    if (memory == nullptr) continue;
    std::free(memory);
    return;
  }
  throw std::bad_alloc();
}

}  // namespace

void MemoryReserve::PutBy() {
  the_reserve_is_in_use = true;
  static_cast<void>(IsWhole());
  std::set_new_handler(&TakePart);
}

bool MemoryReserve::IsWhole() {
  if (!the_reserve_is_in_use) return true;
  return std::all_of(the_parts.begin(), the_parts.end(), [](std::atomic<void*>& part) {
    if (part.load() != nullptr) return true;
    void* const memory = NewPart();
    void* none = nullptr;
    if (memory != nullptr && !part.compare_exchange_strong(none, memory)) std::free(memory);
    return memory != nullptr;
  });
}

}  // namespace percpud
