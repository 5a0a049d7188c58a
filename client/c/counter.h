// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_COUNTER_H_
#define PERCPUD_CLIENT_C_COUNTER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "client/c/arena.h"
#include "client/c/percpud.h"
#include "server/rseq/cpu_table.h"

namespace percpud::c {

// Where a counter's copies are in one arena. Constant once published, and kept until
// its client is closed: another thread may be adding there.
struct Place {
  std::byte* unit0;
  // The arena's CPUs if sequences update it, none otherwise: one load finds the unit.
  rseq::CpuTable sequences;
  const Arena* arena;
  std::uint64_t pointer;
  // In the client's list of all places there ever were.
  Place* next;
};

// What is known of a counter at the daemon. Guarded by its client's lock.
enum class Standing : std::uint8_t {
  // To be asked for.
  kUnasked,
  kAsked,
  // It has a pointer and a place.
  kOpen,
  kRefused,
};

// Adds to the own CPU's copy, as the arena is updated. False if this thread cannot.
bool AddAt(const Place& place, std::uint64_t n);

// The copies of all CPUs.
std::uint64_t SumAt(const Arena& arena, std::uint64_t pointer);

}  // namespace percpud::c

struct percpud_counter {
  // Null while the counter is local. What a thread finds here it may use.
  std::atomic<const percpud::c::Place*> place = nullptr;
  // Counted in this process and not yet added anywhere.
  std::atomic<std::uint64_t> local = 0;
  // The rest is guarded by the client's lock.
  percpud::c::Standing standing = percpud::c::Standing::kUnasked;
  // Sent to the daemon in an Add that it has not answered.
  std::uint64_t under_way = 0;
  // Where it is in the client's arena; 0 if that is not known.
  std::uint64_t pointer = 0;
  percpud_counter* next = nullptr;
  // In the client's queue of counters to ask for.
  percpud_counter* next_unasked = nullptr;
  char* name = nullptr;
};

#endif  // PERCPUD_CLIENT_C_COUNTER_H_
