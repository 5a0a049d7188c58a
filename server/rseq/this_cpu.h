// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Operations on the copy of a number that belongs to the CPU the caller runs
// on, in memory that any number of processes share.
//
// A slot is one CPU's copy: unit0 + table.entry[cpu], naturally aligned.
// Two kinds of operation keep the same promise, that no update is lost:
//   rseq::Add, ...          restartable sequences (section.h), no locked
//                           instruction. Needs a thread registered by glibc.
//   rseq::atomic::Add, ...  a locked instruction on the same slot.
// They do not keep it together: a sequence does not see a locked update that
// another CPU makes between its load and its store. A slot is used by one kind
// only, and every process must choose the same: UpdateMode.
//
// Nothing is ordered for other CPUs: all of it is relaxed. Thread safe and
// async-signal-safe; no locks, no system calls (atomic: sched_getcpu may be
// one on machines whose vDSO lacks it). Integers wrap around. Doubles are compared
// by their bits.

#ifndef PERCPUD_SERVER_RSEQ_THIS_CPU_H_
#define PERCPUD_SERVER_RSEQ_THIS_CPU_H_

#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "proto/percpud/abi/v1/layout_page.h"
#include "server/rseq/registration.h"
#include "server/rseq/section.h"

namespace percpud::rseq {

// How an arena's slots are updated; part of the shared layout.
using abi::v1::UpdateMode;

// What a slot can hold: integers of 4 and 8 bytes, and double.
template <typename T>
concept SlotInteger =
    std::integral<T> && !std::same_as<T, bool> && (sizeof(T) == 4 || sizeof(T) == 8);
template <typename T>
concept SlotValue = SlotInteger<T> || std::same_as<T, double>;

// A sequence is tried so often. One abort is rare and two in a row are rarer;
// this many mean that somebody steps through it.
inline constexpr int kMaxAttempts = 64;

// How hard an operation tries.
enum class Tries {
  // Once, inlined. For callers that have a slow path out of line, where they try
  // again: the mere possibility of a call makes a function save registers.
  kOne,
  // Until it is done, kMaxAttempts times at most.
  kMany,
};

namespace internal {

template <SlotValue T>
using WordOf = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

// The bits of a value, and back.
template <SlotValue T>
constexpr WordOf<T> ToWord(T value) {
  return std::bit_cast<WordOf<T>>(value);
}
template <SlotValue T>
constexpr T FromWord(WordOf<T> word) {
  return std::bit_cast<T>(word);
}

// Runs `attempt` until it commits. False if it cannot, or was aborted too often.
template <typename Try>
bool Commit(Try attempt) {
  if (!HasAreas()) return false;
  const AreaOffset area = GlibcAreaOffset();
  int left = kMaxAttempts;
  do {
    const Attempt outcome = attempt(area);
    if (outcome == Attempt::kCommitted) [[likely]] {
      return true;
    }
    if (outcome == Attempt::kUnavailable) return false;
  } while (--left > 0);
  return false;
}

template <Tries kTries, typename Try>
[[gnu::always_inline]] inline bool Run(Try attempt) {
  if constexpr (kTries == Tries::kOne) {
    return HasAreas() && attempt(GlibcAreaOffset()) == Attempt::kCommitted;
  } else {
    return Commit(attempt);
  }
}

}  // namespace internal

// Each: false (or nothing) if the caller has to use its fallback, because its
// thread is not registered, its CPU has no unit, or it was interrupted as often as
// `kTries` allows; then nothing was stored. `unit0` is the address of unit 0's copy.
template <SlotValue T, Tries kTries = Tries::kMany>
[[nodiscard, gnu::always_inline]] inline bool Add(std::byte* unit0, const CpuTable& table,
                                                  std::type_identity_t<T> delta) {
  return internal::Run<kTries>([&](internal::AreaOffset area) {
    if constexpr (std::same_as<T, double>) {
      return internal::TryAddDouble(area, table, unit0, delta);
    } else {
      return internal::TryAdd(area, table, unit0, internal::ToWord<T>(delta));
    }
  });
}

template <SlotValue T>
[[nodiscard]] inline bool Increment(std::byte* unit0, const CpuTable& table) {
  return Add<T>(unit0, table, 1);
}

template <SlotValue T, Tries kTries = Tries::kMany>
[[nodiscard, gnu::always_inline]] inline bool Store(std::byte* unit0, const CpuTable& table,
                                                    std::type_identity_t<T> value) {
  return internal::Run<kTries>([&](internal::AreaOffset area) {
    return internal::TryStore(area, table, unit0, internal::ToWord<T>(value));
  });
}

template <SlotValue T, Tries kTries = Tries::kMany>
[[nodiscard, gnu::always_inline]] inline std::optional<T> Load(std::byte* unit0,
                                                               const CpuTable& table) {
  internal::WordOf<T> seen = 0;
  const bool done = internal::Run<kTries>(
      [&](internal::AreaOffset area) { return internal::TryLoad(area, table, unit0, seen); });
  return done ? std::optional(internal::FromWord<T>(seen)) : std::nullopt;
}

// Returns what was there before.
template <SlotValue T, Tries kTries = Tries::kMany>
[[nodiscard, gnu::always_inline]] inline std::optional<T> Exchange(std::byte* unit0,
                                                                   const CpuTable& table,
                                                                   std::type_identity_t<T> value) {
  internal::WordOf<T> seen = 0;
  const bool done = internal::Run<kTries>([&](internal::AreaOffset area) {
    return internal::TryExchange(area, table, unit0, internal::ToWord<T>(value), seen);
  });
  return done ? std::optional(internal::FromWord<T>(seen)) : std::nullopt;
}

// Returns what was there before: `desired` is there now if and only if that is
// `expected`.
template <SlotValue T, Tries kTries = Tries::kMany>
[[nodiscard, gnu::always_inline]] inline std::optional<T> CompareExchange(
    std::byte* unit0, const CpuTable& table, std::type_identity_t<T> expected,
    std::type_identity_t<T> desired) {
  internal::WordOf<T> seen = 0;
  const bool done = internal::Run<kTries>([&](internal::AreaOffset area) {
    return internal::TryCompareExchange(area, table, unit0, internal::ToWord<T>(expected),
                                        internal::ToWord<T>(desired), seen);
  });
  return done ? std::optional(internal::FromWord<T>(seen)) : std::nullopt;
}

// The same for slots of an arena in mode atomic. False (or nothing) only if
// the caller's CPU has no unit.
namespace atomic {

// The slot of the CPU the caller was just on, null if it has none. By the time
// it is used the caller may be elsewhere; the locked instruction allows that.
template <SlotValue T>
inline T* OwnSlot(std::byte* unit0, const CpuTable& table) {
  // kNoCpu is -1, as in an unregistered thread.
  const std::int64_t offset = table.entry[static_cast<std::int32_t>(CurrentCpu())];
  if (offset < 0) [[unlikely]] {
    return nullptr;
  }
  return reinterpret_cast<T*>(unit0 + offset);
}

template <SlotValue T>
[[nodiscard]] inline bool Add(std::byte* unit0, const CpuTable& table,
                              std::type_identity_t<T> delta) {
  T* const slot = OwnSlot<T>(unit0, table);
  if (slot == nullptr) return false;
  std::atomic_ref(*slot).fetch_add(delta, std::memory_order_relaxed);
  return true;
}

template <SlotValue T>
[[nodiscard]] inline bool Increment(std::byte* unit0, const CpuTable& table) {
  return Add<T>(unit0, table, 1);
}

template <SlotValue T>
[[nodiscard]] inline bool Store(std::byte* unit0, const CpuTable& table,
                                std::type_identity_t<T> value) {
  T* const slot = OwnSlot<T>(unit0, table);
  if (slot == nullptr) return false;
  std::atomic_ref(*slot).store(value, std::memory_order_relaxed);
  return true;
}

template <SlotValue T>
[[nodiscard]] inline std::optional<T> Load(std::byte* unit0, const CpuTable& table) {
  T* const slot = OwnSlot<T>(unit0, table);
  if (slot == nullptr) return std::nullopt;
  return std::atomic_ref(*slot).load(std::memory_order_relaxed);
}

template <SlotValue T>
[[nodiscard]] inline std::optional<T> Exchange(std::byte* unit0, const CpuTable& table,
                                               std::type_identity_t<T> value) {
  T* const slot = OwnSlot<T>(unit0, table);
  if (slot == nullptr) return std::nullopt;
  return std::atomic_ref(*slot).exchange(value, std::memory_order_relaxed);
}

template <SlotValue T>
[[nodiscard]] inline std::optional<T> CompareExchange(std::byte* unit0, const CpuTable& table,
                                                      std::type_identity_t<T> expected,
                                                      std::type_identity_t<T> desired) {
  T* const slot = OwnSlot<T>(unit0, table);
  if (slot == nullptr) return std::nullopt;
  T seen = expected;
  std::atomic_ref(*slot).compare_exchange_strong(seen, desired, std::memory_order_relaxed);
  return seen;
}

}  // namespace atomic
}  // namespace percpud::rseq

#endif  // PERCPUD_SERVER_RSEQ_THIS_CPU_H_
