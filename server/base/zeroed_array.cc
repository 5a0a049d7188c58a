// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/zeroed_array.h"

#include <sys/mman.h>

#include <cassert>
#include <cstdio>
#include <cstdlib>

namespace percpud {
namespace {

// From here on the heap would map, too, but count every byte as committed, and
// so refuse a table larger than the machine.
constexpr std::size_t kMapFrom = std::size_t{1} << 20;

void* Map(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

void* AllocateZeroed(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = bytes < kMapFrom ? std::calloc(1, bytes) : Map(bytes);
  if (memory == nullptr) {
    std::fprintf(stderr, "out of memory: %zu bytes of zeroed array\n", bytes);
    std::abort();
  }
  return memory;
}

void FreeZeroed(void* memory, std::size_t bytes) {
  if (memory == nullptr) return;
  assert(bytes > 0);
  if (bytes < kMapFrom) {
    std::free(memory);
  } else {
    ::munmap(memory, bytes);
  }
}

}  // namespace percpud
