// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_UPDATER_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_UPDATER_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "server/base/units.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/layout/cpu_units.h"
#include "server/rseq/this_cpu.h"

namespace percpud {

// Adds to integers in the arena for those who cannot themselves, in the way
// that all mapped clients do (rseq/this_cpu.h), so that no update is lost
// between the two. Thread safe.
class Updater {
 public:
  using Mode = rseq::UpdateMode;
  struct Added {
    // The unit's value after the addition, sign extended.
    std::int64_t value = 0;
    UnitId unit;
  };

  // `info` outlives the updater. `host_cpus` as in PlaceCpus.
  Updater(const AllocInfo& info, CpuUnits cpus, Mode mode, std::uint32_t host_cpus);
  Updater(const Updater&) = delete;
  Updater& operator=(const Updater&) = delete;

  // To the unit of the CPU the thread runs on. `width` is 4 or 8 bytes.
  [[nodiscard]] absl::StatusOr<Added> AddHere(const Allocator::Pin& pin, Bytes width,
                                              std::int64_t delta) const;
  // To a certain unit: nullopt, with nothing changed, where AddAt would have to
  // move the thread. REQUIRES: a unit there is.
  [[nodiscard]] std::optional<Added> TryAddAt(const Allocator::Pin& pin, UnitId unit, Bytes width,
                                              std::int64_t delta) const;
  // Where a CPU of this host updates the unit without a lock, moves the thread
  // there and back, for tens of microseconds or, if that CPU is busy,
  // milliseconds. Errors: CpuOutOfReach.
  [[nodiscard]] absl::StatusOr<Added> AddAt(const Allocator::Pin& pin, UnitId unit, Bytes width,
                                            std::int64_t delta) const;

  [[nodiscard]] Mode mode() const { return mode_; }
  [[nodiscard]] const CpuUnits& cpus() const { return cpus_; }

 private:
  // With a locked instruction. Errors: MemoryTaken.
  [[nodiscard]] absl::StatusOr<Added> AddLockedAt(const Allocator::Pin& pin, UnitId unit,
                                                  Bytes width, std::int64_t delta) const;
  // Returns the CPU of the unit, if threads of this host may update it unlocked.
  [[nodiscard]] std::optional<CpuId> UnlockedCpu(UnitId unit) const;

  const AllocInfo& info_;
  const CpuUnits cpus_;
  const Mode mode_;
  const std::uint32_t host_cpus_;
  const rseq::CpuEntries entries_;
  const rseq::CpuTable table_{.entry = entries_.cpu0()};
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_UPDATER_H_
