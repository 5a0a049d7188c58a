// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/sdk/scarce_memory.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace percpu::testing {

thread_local int left_to_allocate = kUnlimited;

}  // namespace percpu::testing

void* operator new(std::size_t size) {
  int& left = percpu::testing::left_to_allocate;
  if (left == 0) throw std::bad_alloc();
  if (left > 0) --left;
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
