// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/counter.h"

#include <cassert>

#include "client/c/thread_area.h"
#include "server/cells/sum.h"
#include "server/rseq/this_cpu.h"

namespace percpud::c {
namespace {

using rseq::internal::Attempt;

// All that is rare: tries again, then counts locally.
[[gnu::noinline, gnu::cold]] void AddSlowly(Counter& counter, std::uint64_t n) {
  const Place* const place = counter.place.load(std::memory_order_acquire);
  if (place != nullptr && AddAt(*place, n)) return;
  counter.local.fetch_add(n, std::memory_order_relaxed);
}

}  // namespace

bool AddAt(const Place& place, std::uint64_t n) {
  if (!place.arena->writable) return false;
  if (place.arena->mode == abi::v1::UpdateMode::kAtomic) {
    const rseq::CpuTable cpus{.entry = place.arena->cpus.cpu0()};
    return rseq::atomic::Add<std::uint64_t>(place.unit0, cpus, n);
  }
  for (int left = rseq::kMaxAttempts; left > 0; --left) {
    const Attempt outcome = rseq::internal::TryAdd(g_thread_area, place.sequences, place.unit0, n);
    if (outcome != Attempt::kAborted) return outcome == Attempt::kCommitted;
  }
  return false;
}

std::uint64_t SumAt(const Arena& arena, std::uint64_t pointer) {
  return cells::SumOf<std::uint64_t>(arena.base + pointer, {arena.backed, arena.backed_count});
}

Counter::Counter()
    : percpud_counter{.entry = rseq::CpuTable{}.entry,
                      .unit0 = nullptr,
                      .area = g_thread_area,
                      .version = PERCPUD_COUNTER_VERSION} {}

void Counter::Publish(const Place* found) {
  assert(found != nullptr);
  place.store(found, std::memory_order_release);
  const bool is_first = unit0 == nullptr;
  if (is_first) unit0 = reinterpret_cast<char*>(found->unit0);
  const rseq::CpuTable table = is_first ? found->sequences : rseq::CpuTable{};
  __atomic_store_n(&entry, table.entry, __ATOMIC_RELEASE);
}

}  // namespace percpud::c

void percpud_counter_add(percpud_counter* counter, uint64_t n) {
  using percpud::rseq::internal::Attempt;
  if (counter == nullptr) [[unlikely]] {
    return;
  }
  const percpud::rseq::CpuTable table{.entry = __atomic_load_n(&counter->entry, __ATOMIC_ACQUIRE)};
  if (percpud::rseq::internal::TryAdd(counter->area, table,
                                      reinterpret_cast<std::byte*>(counter->unit0),
                                      n) == Attempt::kCommitted) [[likely]] {
    return;
  }
  percpud::c::AddSlowly(*static_cast<percpud::c::Counter*>(counter), n);
}

// Inlined additions end here. `percpud_inline.h` declares it where there are any.
extern "C" PERCPUD_EXPORT void percpud_counter_add_call(percpud_counter* counter, uint64_t n) {
  percpud_counter_add(counter, n);
}

uint64_t percpud_counter_sum(const percpud_counter* counter) {
  if (counter == nullptr) return 0;
  const auto& all = *static_cast<const percpud::c::Counter*>(counter);
  const percpud::c::Place* const place = all.place.load(std::memory_order_acquire);
  const std::uint64_t shared =
      place == nullptr ? 0 : percpud::c::SumAt(*place->arena, place->pointer);
  return shared + all.local.load(std::memory_order_relaxed);
}
