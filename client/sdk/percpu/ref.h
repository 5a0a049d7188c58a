// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Numbers in a mapped arena: Ref updates the copy of the CPU that the caller runs on,
// ShardRef one fixed copy. Everything here is loads, stores and short
// sequences of them on shared memory. Only a Fallback may know a daemon.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_REF_H_
#define PERCPUD_CLIENT_SDK_PERCPU_REF_H_

#include <atomic>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "percpu/fallback.h"
#include "percpu/mapping.h"
#include "percpu/types.h"
#include "server/rseq/this_cpu.h"

namespace percpu {

// What a slot can hold: integers of 4 and 8 bytes, and double.
template <typename T>
concept SlotInteger = percpud::rseq::SlotInteger<T>;
template <typename T>
concept SlotValue = percpud::rseq::SlotValue<T>;

// The values of all CPUs' copies, each read at its own moment: Ref::TakeSnapshot.
// A plain value. Thread compatible.
template <SlotValue T>
struct Snapshot {
  // In the order of Mapping::cpu_units.
  std::vector<T> values;
  // Their sum, modulo 2^width.
  T total = 0;
  // The copy that ApproximateSum reads next.
  std::size_t next = 0;
};

namespace internal {

// Adds. Integers wrap around, signed ones too.
template <SlotValue T>
constexpr T Plus(T a, T b) {
  if constexpr (std::integral<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)));
  } else {
    return a + b;
  }
}
template <SlotValue T>
constexpr T Minus(T a, T b) {
  if constexpr (std::integral<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(static_cast<U>(a) - static_cast<U>(b)));
  } else {
    return a - b;
  }
}

// Returns where `unit` begins, in bytes from unit 0. REQUIRES: a unit of the mapping.
inline std::uint64_t OffsetOf(const Mapping& mapping, Unit unit) {
  assert(Value(unit) < mapping.unit_offsets.size());
  return mapping.unit_offsets[Value(unit)];
}

template <SlotValue T>
T RelaxedLoad(std::byte* slot) {
  return std::atomic_ref(*reinterpret_cast<T*>(slot)).load(std::memory_order_relaxed);
}

template <SlotValue T>
constexpr std::uint64_t ToWord(T value) {
  return percpud::rseq::internal::ToWord(value);
}
template <SlotValue T>
constexpr std::optional<T> FromWord(std::optional<std::uint64_t> word) {
  using W = percpud::rseq::internal::WordOf<T>;
  return word ? std::optional(percpud::rseq::internal::FromWord<T>(static_cast<W>(*word)))
              : std::nullopt;
}

// Adds by a fallback. It adds integers only, so this exchanges the value until nobody
// has come in between.
inline bool AddDouble(Fallback& fallback, Pointer pointer, double delta) {
  std::optional<std::uint64_t> seen = fallback.Load(pointer, Width::k64);
  for (int tries = 0; seen && tries < percpud::rseq::kMaxAttempts; ++tries) {
    const std::uint64_t sum = ToWord(*FromWord<double>(seen) + delta);
    const auto found = fallback.CompareExchange(pointer, Width::k64, *seen, sum);
    if (found == seen) return true;
    seen = found;
  }
  return false;
}

}  // namespace internal

// What a caller of AtLeast knows about the copies.
enum class Signs {
  // Nothing: one copy may be below zero and another too high by as much.
  kAny,
  // No copy is ever below zero, and their sum does not overflow.
  kNeverNegative,
};

// A number with a copy per CPU, such as a counter.
//
//   percpu::Ref<std::uint64_t> hits(mapping, pointer);
//   hits.Increment();             // this CPU's copy, under a nanosecond
//   std::uint64_t n = hits.Sum();
//
// Ownership: a view of an area that is allocated and not yet freed. It is three words
// long: pass it by value.
// Thread safety: all methods from any thread of any process. No update of a copy is
// lost among the operations of this class and of the daemon. Writing to a copy in any
// other way, ShardRef included, loses updates.
// Signal safety: a method that neither builds a Snapshot nor goes to the fallback is
// async-signal-safe.
// Order: relaxed. An update publishes nothing else.
// Values: integers wrap around. Their sum is modulo 2^width, and therefore right
// whenever the true total fits T, whatever the single copies hold. Doubles are added up
// by rising CPU id, without compensation: rounding is monotone, so the sum of copies
// that only rise never falls from one call to the next. Doubles are compared by their
// bits.
template <SlotValue T>
class Ref {
 public:
  // REQUIRES: an area of at least sizeof(T) at `pointer`, aligned to it.
  Ref(const Mapping& mapping, Pointer pointer)
      : mapping_(&mapping),
        unit0_(mapping.base + Value(pointer)),
        sequences_(mapping.mode == UpdateMode::kRseq ? mapping.cpus : CpuTable{}) {
    assert(pointer != kNull && Value(pointer) % sizeof(T) == 0);
  }

  // These update the own CPU's copy. False, or nothing, means that this thread could
  // not make the update, and that the fallback did not say that it has made it.
  [[gnu::always_inline]] inline bool Add(T delta) const {
    if (percpud::rseq::Add<T, kOnce>(unit0_, sequences_, delta)) [[likely]] {
      return true;
    }
    return AddSlowly(*mapping_, unit0_, delta);
  }
  [[gnu::always_inline]] inline bool Increment() const { return Add(1); }

  [[gnu::always_inline]] inline bool Store(T value) const {
    if (percpud::rseq::Store<T, kOnce>(unit0_, sequences_, value)) [[likely]] {
      return true;
    }
    return StoreSlowly(*mapping_, unit0_, value);
  }

  [[nodiscard, gnu::always_inline]] inline std::optional<T> Load() const {
    const auto seen = percpud::rseq::Load<T, kOnce>(unit0_, sequences_);
    if (seen.has_value()) [[likely]] {
      return seen;
    }
    return LoadSlowly(*mapping_, unit0_);
  }

  // Returns what was there before.
  [[gnu::always_inline]] inline std::optional<T> Exchange(T value) const {
    const auto seen = percpud::rseq::Exchange<T, kOnce>(unit0_, sequences_, value);
    if (seen.has_value()) [[likely]] {
      return seen;
    }
    return ExchangeSlowly(*mapping_, unit0_, value);
  }

  // Returns what was there before: `desired` is there now if and only if that is
  // `expected`. The thread may have moved to another CPU since an earlier Load.
  [[gnu::always_inline]] inline std::optional<T> CompareExchange(T expected, T desired) const {
    const auto seen =
        percpud::rseq::CompareExchange<T, kOnce>(unit0_, sequences_, expected, desired);
    if (seen.has_value()) [[likely]] {
      return seen;
    }
    return CompareExchangeSlowly(*mapping_, unit0_, expected, desired);
  }

  // Returns one unit's copy, whole, as it was at some moment of the call.
  // REQUIRES: a unit of the mapping.
  [[nodiscard]] T Read(Unit unit) const {
    return internal::RelaxedLoad<T>(unit0_ + internal::OffsetOf(*mapping_, unit));
  }
  // Calls visit(Unit, T) for each unit that backs a CPU.
  template <std::invocable<Unit, T> Visit>
  void ForEachUnit(Visit visit) const {
    for (const CpuUnit& backed : mapping_->cpu_units) visit(backed.unit, Read(backed));
  }
  // Calls visit(CPU id, T) for each CPU that a unit backs, by rising id.
  template <std::invocable<std::uint32_t, T> Visit>
  void ForEachCpu(Visit visit) const {
    for (const CpuUnit& backed : mapping_->cpu_units) visit(backed.cpu, Read(backed));
  }

  // Returns the sum of all CPUs' copies. It is exact if nobody updates meanwhile.
  // Otherwise every copy is read whole but at its own moment: the sum has all updates
  // that were made before the call and some of those made during it, and may be a value
  // that the true total never had.
  [[nodiscard]] T Sum() const {
    T sum = 0;
    ForEachUnit([&](Unit, T value) { sum = internal::Plus(sum, value); });
    return sum;
  }

  // Returns whether Sum() >= threshold. Stops reading early only if `signs` allows it.
  [[nodiscard]] bool AtLeast(T threshold, Signs signs = Signs::kAny) const {
    if (signs == Signs::kAny) return Sum() >= threshold;
    T missing = threshold;
    for (const CpuUnit& backed : mapping_->cpu_units) {
      if (missing <= 0) break;
      const T value = Read(backed);
      if (value >= missing) return true;
      missing = internal::Minus(missing, value);
    }
    return missing <= 0;
  }

  // Returns all copies, for Delta. Allocates memory.
  [[nodiscard]] Snapshot<T> TakeSnapshot() const {
    Snapshot<T> snapshot;
    snapshot.values.reserve(mapping_->cpu_units.size());
    ForEachUnit([&](Unit, T value) {
      snapshot.values.push_back(value);
      snapshot.total = internal::Plus(snapshot.total, value);
    });
    return snapshot;
  }
  // Returns what was added since `since` was taken. Any number of readers can count
  // from zero again in this way. Copies themselves are never set back: their CPU's next
  // update might undo that.
  [[nodiscard]] T Delta(const Snapshot<T>& since) const {
    return internal::Minus(Sum(), since.total);
  }

  // Returns the sum, for totals that are polled. It reads only `units` copies anew, in
  // turn from call to call, takes the rest from `last`, and brings `last` up to date. No
  // copy's value is older than (CPUs / units) calls, rounded up.
  // REQUIRES: `last` is a snapshot of this ref.
  [[nodiscard]] T ApproximateSum(Snapshot<T>& last, std::size_t units = 1) const {
    assert(last.values.size() == mapping_->cpu_units.size());
    const std::size_t count = last.values.size();
    for (std::size_t i = 0; i < units && i < count; ++i) {
      const T now = Read(mapping_->cpu_units[last.next]);
      T& then = last.values[last.next];
      last.total = internal::Plus(last.total, internal::Minus(now, then));
      then = now;
      last.next = last.next + 1 == count ? 0 : last.next + 1;
    }
    return last.total;
  }

  [[nodiscard]] Pointer pointer() const { return PointerOf(*mapping_, unit0_); }

 private:
  static constexpr Width kWidth = sizeof(T) == 8 ? Width::k64 : Width::k32;
  static constexpr auto kOnce = percpud::rseq::Tries::kOne;

  // These run after an operation's first try failed. They try again in the arena's
  // mode, until it is done or kMaxAttempts is reached, and then ask the fallback. They
  // are out of line, so that callers pay for the first try only.
  [[gnu::noinline, gnu::cold]] static bool AddSlowly(const Mapping& mapping, std::byte* unit0,
                                                     T delta) {
    const bool done = UsesRseq(mapping) ? percpud::rseq::Add<T>(unit0, mapping.cpus, delta)
                                        : percpud::rseq::atomic::Add<T>(unit0, mapping.cpus, delta);
    if (done || mapping.fallback == nullptr) return done;
    const Pointer pointer = PointerOf(mapping, unit0);
    if constexpr (std::same_as<T, double>) {
      return internal::AddDouble(*mapping.fallback, pointer, delta);
    } else {
      return mapping.fallback->Add(pointer, kWidth, internal::ToWord(delta));
    }
  }

  [[gnu::noinline, gnu::cold]] static bool StoreSlowly(const Mapping& mapping, std::byte* unit0,
                                                       T value) {
    const bool done = UsesRseq(mapping)
                          ? percpud::rseq::Store<T>(unit0, mapping.cpus, value)
                          : percpud::rseq::atomic::Store<T>(unit0, mapping.cpus, value);
    if (done || mapping.fallback == nullptr) return done;
    return mapping.fallback->Store(PointerOf(mapping, unit0), kWidth, internal::ToWord(value));
  }

  [[gnu::noinline, gnu::cold]] static std::optional<T> LoadSlowly(const Mapping& mapping,
                                                                  std::byte* unit0) {
    const auto seen = UsesRseq(mapping) ? percpud::rseq::Load<T>(unit0, mapping.cpus)
                                        : percpud::rseq::atomic::Load<T>(unit0, mapping.cpus);
    if (seen.has_value() || mapping.fallback == nullptr) return seen;
    return internal::FromWord<T>(mapping.fallback->Load(PointerOf(mapping, unit0), kWidth));
  }

  [[gnu::noinline, gnu::cold]] static std::optional<T> ExchangeSlowly(const Mapping& mapping,
                                                                      std::byte* unit0, T value) {
    const auto seen = UsesRseq(mapping)
                          ? percpud::rseq::Exchange<T>(unit0, mapping.cpus, value)
                          : percpud::rseq::atomic::Exchange<T>(unit0, mapping.cpus, value);
    if (seen.has_value() || mapping.fallback == nullptr) return seen;
    return internal::FromWord<T>(
        mapping.fallback->Exchange(PointerOf(mapping, unit0), kWidth, internal::ToWord(value)));
  }

  [[gnu::noinline, gnu::cold]] static std::optional<T> CompareExchangeSlowly(const Mapping& mapping,
                                                                             std::byte* unit0,
                                                                             T expected,
                                                                             T desired) {
    const auto seen =
        UsesRseq(mapping)
            ? percpud::rseq::CompareExchange<T>(unit0, mapping.cpus, expected, desired)
            : percpud::rseq::atomic::CompareExchange<T>(unit0, mapping.cpus, expected, desired);
    if (seen.has_value() || mapping.fallback == nullptr) return seen;
    return internal::FromWord<T>(mapping.fallback->CompareExchange(
        PointerOf(mapping, unit0), kWidth, internal::ToWord(expected), internal::ToWord(desired)));
  }

  static bool UsesRseq(const Mapping& mapping) { return mapping.mode == UpdateMode::kRseq; }
  static Pointer PointerOf(const Mapping& mapping, const std::byte* unit0) {
    return Pointer{static_cast<std::uint64_t>(unit0 - mapping.base)};
  }
  [[nodiscard]] T Read(const CpuUnit& backed) const {
    return internal::RelaxedLoad<T>(unit0_ + backed.offset);
  }

  const Mapping* mapping_;
  std::byte* unit0_;
  // The mapping's CPUs if sequences may update this arena; otherwise empty. It is kept
  // here so that an operation finds it with one load.
  CpuTable sequences_;
};

// One unit's copy of a number, for its only writer: a shard that owns the unit and may
// run on any CPU.
//
// Ownership: a view of an area that is allocated and not yet freed.
// Thread safety: one thread at a time updates a unit's copy, through any kind of ref. A
// signal handler counts as another thread. Any thread of any process may Load it, and
// Ref's reading methods sum it.
// Order: relaxed. Integers wrap around.
template <SlotValue T>
class ShardRef {
 public:
  // REQUIRES: an area of at least sizeof(T) at `pointer`, aligned to it; a unit of the
  // mapping that has a CPU, because a ghost has no memory of its own.
  ShardRef(const Mapping& mapping, Pointer pointer, Unit unit)
      : slot_(mapping.base + Value(pointer) + internal::OffsetOf(mapping, unit)) {
    assert(pointer != kNull && Value(pointer) % sizeof(T) == 0);
  }

  void Add(T delta) const { Store(internal::Plus(Load(), delta)); }
  void Increment() const { Add(1); }
  void Store(T value) const {
    std::atomic_ref(*reinterpret_cast<T*>(slot_)).store(value, std::memory_order_relaxed);
  }
  [[nodiscard]] T Load() const { return internal::RelaxedLoad<T>(slot_); }

 private:
  std::byte* slot_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_REF_H_
