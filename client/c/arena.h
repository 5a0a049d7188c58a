// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_ARENA_H_
#define PERCPUD_CLIENT_C_ARENA_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/percpud/abi/v1/cells.h"
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
  abi::v1::PairCommit pair_commit;
  bool writable;
  // Units that back a CPU: bytes from unit 0's copy, by rising CPU id.
  std::uint64_t* backed;
  std::uint32_t backed_count;
  // The largest of them.
  std::uint64_t last;
  rseq::CpuEntries cpus;
  // What the daemon changes while it runs. Null in an arena that is written, and if the daemon
  // is of a version that has none.
  const abi::v1::LiveWords* live;
  Arena* next;
};

// Maps `arena` (-1: not at all) as the page in `layout` says. The page is copied, and
// the copy checked, before anything is believed. Keeps neither descriptor. Null if the
// page contradicts itself, is of another major version, or the system refuses.
Arena* MapArena(int arena, int layout, abi::v1::MapMode granted);
void UnmapArena(Arena* arena);

// What is to lie in an arena.
struct Extent {
  // A multiple of 8.
  std::uint64_t bytes = sizeof(std::uint64_t);
  std::uint64_t alignment = sizeof(std::uint64_t);
  // Else once, in unit 0.
  bool in_every_unit = true;
};
// The revision of names that can be followed up to; 0 if the arena has none.
std::uint64_t RevisionOf(const Arena& arena);
// Whether it may lie there.
bool Holds(const Arena& arena, std::uint64_t pointer, const Extent& extent);

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_ARENA_H_
