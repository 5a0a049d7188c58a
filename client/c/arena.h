// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_ARENA_H_
#define PERCPUD_CLIENT_C_ARENA_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/percpud/abi/v1/handoff.h"
#include "proto/percpud/abi/v1/layout_page.h"
#include "server/rseq/cpu_table.h"

namespace percpud::c {

// An arena in this process's address space. Made by Map with malloc; stays mapped until
// Unmap, after a cold start too: a thread may be in the middle of an update. Constant
// once made, but for `next`, which is its client's.
struct Arena {
  std::byte* base;
  std::uint64_t bytes;
  std::array<std::uint8_t, 16> id;
  abi::v1::UpdateMode mode;
  bool writable;
  // Units that back a CPU: bytes from unit 0's copy, by rising CPU id.
  std::uint64_t* backed;
  std::uint32_t backed_count;
  // The largest of them.
  std::uint64_t last;
  rseq::CpuEntries cpus;
  Arena* next;
};

// Maps `arena` (-1: not at all) as the page in `layout` says. The page is copied, and
// the copy checked, before anything is believed. Keeps neither descriptor. Null if the
// page contradicts itself, is of another major version, or the system refuses.
Arena* MapArena(int arena, int layout, abi::v1::MapMode granted);
void UnmapArena(Arena* arena);

// Whether a number of 8 bytes may lie there, in every unit.
bool Holds(const Arena& arena, std::uint64_t pointer);

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_ARENA_H_
