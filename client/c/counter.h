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
  // The arena's CPUs if sequences update it, and none otherwise.
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

static_assert(offsetof(percpud_counter, entry) == 0 && offsetof(percpud_counter, unit0) == 8 &&
              offsetof(percpud_counter, area) == 16 && offsetof(percpud_counter, version) == 24);

// What programs hold as a percpud_counter. The beginning is theirs too, and constant but
// for what Publish does.
struct Counter : percpud_counter {
  // Null while the counter is local. What a thread finds here it may use.
  std::atomic<const Place*> place = nullptr;
  // Counted in this process and not yet added anywhere.
  std::atomic<std::uint64_t> local = 0;
  // The rest is guarded by the client's lock.
  Standing standing = Standing::kUnasked;
  // Sent to the daemon in an Add that it has not answered.
  std::uint64_t under_way = 0;
  // Where it is in the client's arena; 0 if that is not known.
  std::uint64_t pointer = 0;
  Counter* next = nullptr;
  // In the client's queue of counters to ask for.
  Counter* next_unasked = nullptr;
  char* name = nullptr;

  // REQUIRES: RegisterThread was called.
  Counter();

  // Additions go to `found` from now on. The first place is inlined into programs too.
  // Once there is another, programs call: what they have loaded of the first one must
  // go on to fit together.
  void Publish(const Place* found);
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_COUNTER_H_
