// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Numbers in a mapped arena: Ref for the copy of the CPU one runs on, ShardRef
// for one fixed copy. Everything here is loads, stores and single instructions
// on shared memory; only a Fallback knows of a daemon.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_REF_H_
#define PERCPUD_CLIENT_SDK_PERCPU_REF_H_

#include <atomic>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "percpu/types.h"
#include "proto/percpud/abi/v1/cells.h"
#include "server/rseq/this_cpu.h"

namespace percpu {

using UpdateMode = percpud::rseq::UpdateMode;

// What a slot can hold: integers of 4 and 8 bytes, and double.
template <typename T>
concept SlotInteger = percpud::rseq::SlotInteger<T>;
template <typename T>
concept SlotValue = percpud::rseq::SlotValue<T>;

// Where a thread turns that cannot work on its own CPU's copy by itself: not
// registered for restartable sequences, on a CPU without a unit, single-stepped.
// Somebody else makes the same kind of update for it, on some CPU's copy.
// Values are words of the slot's width, zero-extended. Nothing, or false, says
// that the operation is not known to have been made.
// Thread safe. Not async-signal-safe, unless an implementation says so.
class Fallback {
 public:
  Fallback() = default;
  Fallback(const Fallback&) = delete;
  Fallback& operator=(const Fallback&) = delete;
  virtual ~Fallback() = default;

  virtual bool Add(Pointer pointer, Width width, std::uint64_t delta) = 0;
  virtual bool Store(Pointer pointer, Width width, std::uint64_t value) = 0;
  virtual std::optional<std::uint64_t> Load(Pointer pointer, Width width) = 0;
  // What was there before, here and below.
  virtual std::optional<std::uint64_t> Exchange(Pointer pointer, Width width,
                                                std::uint64_t value) = 0;
  virtual std::optional<std::uint64_t> CompareExchange(Pointer pointer, Width width,
                                                       std::uint64_t expected,
                                                       std::uint64_t desired) = 0;
};

// A CPU and the unit that backs it.
struct CpuUnit {
  std::uint32_t cpu = 0;
  Unit unit{};
  // The unit's, as in Mapping::unit_offsets: sums read one table, not two.
  std::uint64_t offset = 0;
};

// An arena as this process has it mapped. A view: it owns nothing, whatever it
// points to outlives it, and it outlives the refs made with it. Constant once
// made, hence thread safe.
struct Mapping {
  // The arena's first byte.
  std::byte* base = nullptr;
  // [unit] -> bytes from unit 0's copy of anything.
  std::span<const std::uint64_t> unit_offsets;
  // The units that back a CPU, each once, by rising CPU id.
  std::span<const CpuUnit> cpu_units;
  // The same by CPU id, as percpud::rseq::Usable leaves it.
  percpud::rseq::CpuTable cpus;
  UpdateMode mode = UpdateMode::kRseq;
  // How cells of a count and a sum are committed.
  percpud::abi::v1::PairCommit pair_commit = percpud::abi::v1::PairCommit::kTwoStores;
  // Null: what a thread cannot do itself is refused.
  Fallback* fallback = nullptr;

  // Returns where unit `unit`'s copy of what `pointer` names lies in this process.
  // REQUIRES: a unit of the mapping; an area of at least sizeof(T), aligned for T.
  template <typename T>
  [[nodiscard]] T* Get(Pointer pointer, Unit unit) const {
    assert(pointer != kNull && Value(pointer) % alignof(T) == 0);
    assert(Value(unit) < unit_offsets.size());
    return reinterpret_cast<T*>(base + Value(pointer) + unit_offsets[Value(unit)]);
  }
};

// The values of all CPUs' copies at a moment, more or less: see Ref::Snapshot.
// A plain value. Thread compatible.
template <SlotValue T>
struct Snapshot {
  // As in Mapping::cpu_units.
  std::vector<T> values;
  // Their sum, modulo 2^width.
  T total = 0;
  // Where ApproximateSum goes on.
  std::size_t next = 0;
};

namespace internal {

// Addition; of integers, signed ones too, it wraps around.
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

// Where `unit` is: bytes from unit 0.
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

// Adds by a fallback, which adds integers: exchanges until nobody came in between.
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

// What a caller of AtLeast knows of the copies.
enum class Signs {
  // Nothing: one copy may be below zero for what another is too high.
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
// Ownership: a view of an area that somebody has allocated and not yet freed.
// Three words: pass it by value.
// Thread safety: all methods from any thread of any process. No update of a
// copy is lost among the operations of this class and of the daemon. Writing to
// a copy in any other way, ShardRef included, loses updates.
// Async-signal-safe: every method that does not build a Snapshot, where it does
// not go to a fallback that is not.
// Order: relaxed; an update publishes nothing else.
// Integers wrap around; sums are modulo 2^width, hence right whenever the true
// total fits T, however the copies stand. Doubles are added up by rising CPU id and
// never compensated: rounding is monotone, so that the sum of copies that only rise
// never falls from one call to the next. They are compared by their bits.
template <SlotValue T>
class Ref {
 public:
  // REQUIRES: an area of at least sizeof(T) at `pointer`, aligned to it.
  Ref(const Mapping& mapping, Pointer pointer)
      : mapping_(&mapping),
        unit0_(mapping.base + Value(pointer)),
        sequences_(mapping.mode == UpdateMode::kRseq ? mapping.cpus : percpud::rseq::CpuTable{}) {
    assert(pointer != kNull && Value(pointer) % sizeof(T) == 0);
  }

  // The operations on the own CPU's copy. False, or nothing: this thread could
  // not make it, and the fallback did not say that it has.
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

  // What was there before.
  [[gnu::always_inline]] inline std::optional<T> Exchange(T value) const {
    const auto seen = percpud::rseq::Exchange<T, kOnce>(unit0_, sequences_, value);
    if (seen.has_value()) [[likely]] {
      return seen;
    }
    return ExchangeSlowly(*mapping_, unit0_, value);
  }

  // What was there before: `desired` is there now if and only if that is
  // `expected`. The copy may be another CPU's than a Load just before saw.
  [[gnu::always_inline]] inline std::optional<T> CompareExchange(T expected, T desired) const {
    const auto seen =
        percpud::rseq::CompareExchange<T, kOnce>(unit0_, sequences_, expected, desired);
    if (seen.has_value()) [[likely]] {
      return seen;
    }
    return CompareExchangeSlowly(*mapping_, unit0_, expected, desired);
  }

  // One copy, whole, as it was at some moment of the call.
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

  // Over all CPUs' copies. Exact if nobody updates meanwhile. Otherwise every
  // copy is read whole but at its own moment: the sum holds all updates made
  // before the call and some of those made during it, and may be a value that
  // the true total never had.
  [[nodiscard]] T Sum() const {
    T sum = 0;
    ForEachUnit([&](Unit, T value) { sum = internal::Plus(sum, value); });
    return sum;
  }

  // Sum() >= threshold. Stops reading early only if told that it may.
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

  // All copies, for Delta. Allocates.
  [[nodiscard]] Snapshot<T> TakeSnapshot() const {
    Snapshot<T> snapshot;
    snapshot.values.reserve(mapping_->cpu_units.size());
    ForEachUnit([&](Unit, T value) {
      snapshot.values.push_back(value);
      snapshot.total = internal::Plus(snapshot.total, value);
    });
    return snapshot;
  }
  // What came since: the way to start from zero again, for as many readers as
  // like. Copies are never set back, which their CPU's next update might undo.
  [[nodiscard]] T Delta(const Snapshot<T>& since) const {
    return internal::Minus(Sum(), since.total);
  }

  // Reads only `units` copies anew, in turn from call to call, and takes the
  // rest from `last`, which it brings up to date. For totals that are polled:
  // no copy's value is older than (CPUs / units) calls, rounded up.
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

  // What an operation does if its first try failed: in the arena's mode, as often
  // as it takes, then by the fallback. Out of line, so that the tries inlined into
  // the callers are all that these pay for.
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
  // The mapping's CPUs if sequences may update this arena, none otherwise. Held
  // here, where an operation finds it with one load.
  percpud::rseq::CpuTable sequences_;
};

// One unit's copy of a number, for its only writer: a shard of a program that
// owns its unit, wherever it runs.
//
// Ownership: a view of an area that somebody has allocated and not yet freed.
// Thread safety: one thread at a time updates a unit's copy, through whatever
// ref; a signal handler counts as another thread. Any thread of any process may
// Load it, and Ref's reading half sums it.
// Order: relaxed. Integers wrap around.
template <SlotValue T>
class ShardRef {
 public:
  // REQUIRES: an area of at least sizeof(T) at `pointer`, aligned to it, and a
  // unit of the mapping that has a CPU: a ghost has no memory of its own.
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
