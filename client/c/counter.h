// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_COUNTER_H_
#define PERCPUD_CLIENT_C_COUNTER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "client/c/cells.h"
#include "client/c/percpud.h"

namespace percpud::c {

// What is known of a counter or series at the daemon. Guarded by its client's lock.
enum class Standing : std::uint8_t {
  // To be asked for.
  kUnasked,
  kAsked,
  // It has a pointer and a place.
  kOpen,
  kRefused,
  // There was no room; it is asked for again after a while.
  kPostponed,
  // Its writer was closed; it is asked for again when it is set.
  kClosed,
};

static_assert(offsetof(percpud_counter, entry) == 0 && offsetof(percpud_counter, unit0) == 8 &&
              offsetof(percpud_counter, area) == 16 && offsetof(percpud_counter, version) == 24);

// How everything begins that programs add to. What they see of it is constant but for
// what Publish does.
struct Handle : percpud_counter {
  // Here it goes on as percpud_histogram does.
  const double* bounds = nullptr;
  std::uint64_t bound_count = 0;
  std::uint64_t first = 0;
  // Null while updates are local. What a thread finds here it may use.
  std::atomic<const Place*> place = nullptr;
  // Added in this process and not yet anywhere else: an integer, or the bits of a double.
  std::atomic<std::uint64_t> local = 0;

  // REQUIRES: RegisterThread was called.
  Handle();

  // Updates go to `found` from now on. If it `is_inlined` and the first place, they are
  // inlined into programs. Once there is another, programs call: what
  // they have loaded of the first one must go on to fit together.
  void Publish(const Place* found, bool is_inlined);
};

// What programs open by name. All of it is guarded by the client's lock.
struct Counter : Handle {
  Standing standing = Standing::kUnasked;
  // Sent to the daemon in an Add that it has not answered.
  std::uint64_t under_way = 0;
  // Where it is in the client's arena; 0 if that is not known.
  std::uint64_t pointer = 0;
  // In the client's table, where its name's hash finds it.
  std::uint64_t hash = 0;
  Counter* next = nullptr;
  // In the client's queue of counters to ask for.
  Counter* next_unasked = nullptr;
  char* name = nullptr;
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_COUNTER_H_
