// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/memory_reserve.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <new>

namespace percpud {
namespace {

bool the_reserve_is_in_use = false;
// Each null while it is taken.
std::array<std::atomic<void*>, MemoryReserve::kParts> the_parts;

// Null if there is none.
void* NewPart() {
  void* const out = mmap(nullptr, MemoryReserve::kPart.value(), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return out == MAP_FAILED ? nullptr : out;
}

void Free(void* part) { munmap(part, MemoryReserve::kPart.value()); }

void TakePart() {
  for (std::atomic<void*>& part : the_parts) {
    void* const memory = part.exchange(nullptr);
    if (memory == nullptr) continue;
    Free(memory);
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
    if (memory != nullptr && !part.compare_exchange_strong(none, memory)) Free(memory);
    return memory != nullptr;
  });
}

}  // namespace percpud
