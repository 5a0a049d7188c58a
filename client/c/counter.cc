// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/counter.h"

#include <cassert>

#include "client/c/thread_area.h"
#include "server/cells/sum.h"
#include "server/rseq/this_cpu.h"

namespace percpud::c {
namespace {

// All that is rare: tries again, then counts locally.
[[gnu::noinline, gnu::cold]] void AddSlowly(Handle& counter, std::uint64_t n) {
  const Place* const place = counter.place.load(std::memory_order_acquire);
  if (place != nullptr && AddAt(*place, n)) return;
  counter.local.fetch_add(n, std::memory_order_relaxed);
}

}  // namespace

Handle::Handle()
    : percpud_counter{.entry = rseq::CpuTable{}.entry,
                      .unit0 = nullptr,
                      .area = g_thread_area,
                      .version = PERCPUD_COUNTER_VERSION} {}

void Handle::Publish(const Place* found, bool is_inlined) {
  assert(found != nullptr);
  place.store(found, std::memory_order_release);
  const bool is_first = unit0 == nullptr;
  if (is_first) unit0 = reinterpret_cast<char*>(found->unit0);
  const rseq::CpuTable table = is_first && is_inlined ? found->sequences : rseq::CpuTable{};
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
  percpud::c::AddSlowly(*static_cast<percpud::c::Handle*>(counter), n);
}

// Inlined additions end here. `percpud_inline.h` declares it where there are any.
extern "C" PERCPUD_EXPORT void percpud_counter_add_call(percpud_counter* counter, uint64_t n) {
  percpud_counter_add(counter, n);
}

uint64_t percpud_counter_sum(const percpud_counter* counter) {
  if (counter == nullptr) return 0;
  const auto& all = *static_cast<const percpud::c::Handle*>(counter);
  const percpud::c::Place* const place = all.place.load(std::memory_order_acquire);
  const std::uint64_t shared = place == nullptr ? 0 : percpud::c::SumAt<std::uint64_t>(*place);
  return shared + all.local.load(std::memory_order_relaxed);
}
