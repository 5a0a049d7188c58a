// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/updater.h"

#include <sched.h>

#include <atomic>
#include <type_traits>
#include <utility>

#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud {
namespace {

template <typename T>
T Plus(T a, std::int64_t b) {
  // Wraps: unsigned arithmetic of the same width.
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)));
}

template <typename T>
T AddLocked(std::byte* slot, std::int64_t delta) {
  std::atomic_ref<T> value(*reinterpret_cast<T*>(slot));
  return Plus(value.fetch_add(static_cast<T>(delta), std::memory_order_relaxed), delta);
}

// How often a sum is tried whose slot others change meanwhile. A client that changes it
// all the time must not keep the daemon's thread.
constexpr int kMaxTries = 64;

// Adds, and returns the sum, on the CPU the last step found itself on: a load elsewhere
// that saw the same value makes no difference to it. Where the slot does not stand still,
// adds all the same, and returns what it then reads.
template <typename T>
std::optional<T> AddUnlocked(std::byte* unit0, const rseq::CpuTable& table, std::int64_t delta) {
  std::optional<T> seen = rseq::Load<T>(unit0, table);
  for (int tries = 0; seen && tries < kMaxTries; ++tries) {
    const T sum = Plus(*seen, delta);
    const std::optional<T> found = rseq::CompareExchange<T>(unit0, table, *seen, sum);
    if (found == seen) return sum;
    seen = found;
  }
  if (!seen || !rseq::Add<T>(unit0, table, static_cast<T>(delta))) return std::nullopt;
  return rseq::Load<T>(unit0, table);
}

// Calls `add` with a value of the integer type of that width.
template <typename Add>
auto ByWidth(Bytes width, Add add) {
  return width == Bytes(4) ? add(std::int32_t{}) : add(std::int64_t{});
}

// The calling thread on another CPU, and back.
class CpuVisit {
 public:
  explicit CpuVisit(CpuId cpu) {
    cpu_set_t there;
    CPU_ZERO(&there);
    CPU_SET(cpu.value(), &there);
    arrived_ = sched_getaffinity(0, sizeof(home_), &home_) == 0 &&
               sched_setaffinity(0, sizeof(there), &there) == 0;
  }
  ~CpuVisit() {
    if (arrived_) sched_setaffinity(0, sizeof(home_), &home_);
  }
  CpuVisit(const CpuVisit&) = delete;
  CpuVisit& operator=(const CpuVisit&) = delete;
  [[nodiscard]] bool arrived() const { return arrived_; }

 private:
  cpu_set_t home_;
  bool arrived_ = false;
};

}  // namespace

Updater::Updater(const AllocInfo& info, CpuUnits cpus, Mode mode, std::uint32_t host_cpus)
    : info_(info),
      cpus_(std::move(cpus)),
      mode_(mode),
      host_cpus_(host_cpus),
      entries_(cpus_.offset) {}

absl::StatusOr<Updater::Added> Updater::AddHere(const Allocator::Pin& pin, Bytes width,
                                                std::int64_t delta) const {
  const std::uint32_t cpu = rseq::CurrentCpu();
  const UnitId unit = cpus_.unit[cpu < cpus_.unit.size() ? cpu : 0];
  if (mode_ == Mode::kAtomic) return AddLockedAt(pin, unit, width, delta);
  std::byte* const unit0 = pin.address(UnitId(0));
  std::optional<std::int64_t> sum;
  RETURN_IF_ERROR(pin.Access([&] {
    sum = ByWidth(width, [&](auto type) -> std::optional<std::int64_t> {
      return AddUnlocked<decltype(type)>(unit0, table_, delta);
    });
  }));
  if (!sum) return errors::CpuOutOfReach(CpuId(cpu));
  return Added{.value = *sum, .unit = unit};
}

std::optional<CpuId> Updater::UnlockedCpu(UnitId unit) const {
  const std::optional<CpuId> cpu = info_.unit_to_cpu[unit.value()];
  if (mode_ == Mode::kAtomic || !cpu || cpu->value() >= host_cpus_) return std::nullopt;
  return cpu;
}

absl::StatusOr<Updater::Added> Updater::AddLockedAt(const Allocator::Pin& pin, UnitId unit,
                                                    Bytes width, std::int64_t delta) const {
  std::int64_t sum = 0;
  std::byte* const slot = pin.address(unit);
  RETURN_IF_ERROR(pin.Access([&] {
    sum = ByWidth(
        width, [&](auto type) -> std::int64_t { return AddLocked<decltype(type)>(slot, delta); });
  }));
  return Added{.value = sum, .unit = unit};
}

std::optional<Updater::Added> Updater::TryAddAt(const Allocator::Pin& pin, UnitId unit, Bytes width,
                                                std::int64_t delta) const {
  if (UnlockedCpu(unit)) return std::nullopt;
  const absl::StatusOr<Added> added = AddLockedAt(pin, unit, width, delta);
  // AddAt says why not.
  if (!added.ok()) return std::nullopt;
  return *added;
}

absl::StatusOr<Updater::Added> Updater::AddAt(const Allocator::Pin& pin, UnitId unit, Bytes width,
                                              std::int64_t delta) const {
  if (!UnlockedCpu(unit)) return AddLockedAt(pin, unit, width, delta);
  const CpuId cpu = *UnlockedCpu(unit);
  const CpuVisit visit(cpu);
  if (!visit.arrived()) return errors::CpuOutOfReach(cpu);
  return AddHere(pin, width, delta);
}

}  // namespace percpud
