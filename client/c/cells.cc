// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/cells.h"

#include "client/c/thread_area.h"
#include "server/cells/sum.h"
#include "server/rseq/pair.h"
#include "server/rseq/this_cpu.h"

namespace percpud::c {
namespace {

using abi::v1::PairCommit;
using abi::v1::UpdateMode;
using rseq::internal::Attempt;

// Attempts until one commits. False if none can, or if somebody steps through them.
template <typename Try>
bool Commit(Try attempt) {
  for (int left = rseq::kMaxAttempts; left > 0; --left) {
    const Attempt outcome = attempt();
    if (outcome != Attempt::kAborted) return outcome == Attempt::kCommitted;
  }
  return false;
}

template <rseq::SlotValue T>
bool AddLocked(const Place& place, std::byte* unit0, T amount) {
  const rseq::CpuTable cpus{.entry = place.arena->cpus.cpu0()};
  return rseq::atomic::Add<T>(unit0, cpus, amount);
}

bool Add(const Place& place, std::byte* unit0, std::uint64_t n) {
  if (!place.arena->writable) return false;
  if (place.arena->mode == UpdateMode::kAtomic) return AddLocked(place, unit0, n);
  return Commit([&] { return rseq::internal::TryAdd(g_thread_area, place.sequences, unit0, n); });
}

bool Add(const Place& place, std::byte* unit0, double amount) {
  if (!place.arena->writable) return false;
  if (place.arena->mode == UpdateMode::kAtomic) return AddLocked(place, unit0, amount);
  return Commit(
      [&] { return rseq::internal::TryAddDouble(g_thread_area, place.sequences, unit0, amount); });
}

}  // namespace

bool AddAt(const Place& place, std::uint64_t n) { return Add(place, place.unit0, n); }
bool AddAt(const Place& place, double amount) { return Add(place, place.unit0, amount); }

Rest AddPairAt(const Place& place, std::size_t cell, const Rest& amount) {
  std::byte* const at = place.unit0 + cell * sizeof(cells::CountSum);
  if (place.arena->pair_commit == PairCommit::kOneStore) {
    const bool done = place.arena->writable && Commit([&] {
                        return rseq::internal::TryAddPair(g_thread_area, place.sequences, at,
                                                          amount.count, amount.sum);
                      });
    return done ? Rest{} : amount;
  }
  if (amount.count != 0 && !Add(place, at, amount.count)) return amount;
  const bool done = amount.sum == 0 || Add(place, at + offsetof(cells::CountSum, sum), amount.sum);
  return {.count = 0, .sum = done ? 0 : amount.sum};
}

template <typename Cell>
Cell SumAt(const Place& place, std::size_t cell) {
  return cells::SumOf<Cell>(place.unit0 + cell * sizeof(Cell),
                            {place.arena->backed, place.arena->backed_count});
}
template std::uint64_t SumAt(const Place&, std::size_t);
template double SumAt(const Place&, std::size_t);
template cells::CountSum SumAt(const Place&, std::size_t);

}  // namespace percpud::c
