// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ARENA_MAP_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ARENA_MAP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "percpu/internal/door/admission.h"
#include "percpu/ref.h"

namespace percpu {

// The arena in this process's address space, with the layout page's tables
// copied out and checked: a page that contradicts itself maps nothing. Both
// mappings outlive a fork: a child goes on counting.
class ArenaMap {
 public:
  // Keeps neither descriptor. Errors: FAILED_PRECONDITION for a layout of
  // another version, DATA_LOSS for one that cannot be, what the system said.
  static absl::StatusOr<std::unique_ptr<ArenaMap>> Map(const UniqueFd& arena,
                                                       const UniqueFd& layout, MapMode granted,
                                                       Fallback* fallback);
  // Of the arena that a layout page is about. Errors: as Map.
  static absl::StatusOr<std::array<std::uint8_t, 16>> ReadId(const UniqueFd& layout);
  ~ArenaMap();
  ArenaMap(const ArenaMap&) = delete;
  ArenaMap& operator=(const ArenaMap&) = delete;

  // Valid as long as this is.
  [[nodiscard]] const Mapping& mapping() const { return mapping_; }
  [[nodiscard]] bool writable() const { return writable_; }
  // Whether an integer of that width may lie there, in every unit.
  [[nodiscard]] bool Holds(std::uint64_t pointer, std::uint64_t width) const;
  [[nodiscard]] std::uint64_t arena_bytes() const { return arena_bytes_; }
  [[nodiscard]] std::uint64_t unit_bytes() const { return unit_bytes_; }
  // Of the units that have a CPU, ascending, the first 0. Ghosts have no memory of
  // their own: what lies there may be another's.
  [[nodiscard]] std::span<const std::uint64_t> backed_offsets() const { return backed_offsets_; }
  // The same arena has the same id as long as its bytes live.
  [[nodiscard]] const std::array<std::uint8_t, 16>& arena_id() const { return arena_id_; }

 private:
  ArenaMap() = default;
  absl::Status ReadLayout(const UniqueFd& layout);

  std::vector<std::uint64_t> unit_offsets_;
  std::vector<std::uint64_t> backed_offsets_;
  percpud::rseq::CpuEntries cpu_entries_;
  std::vector<CpuUnit> cpu_units_;
  std::array<std::uint8_t, 16> arena_id_{};
  std::uint64_t arena_bytes_ = 0;
  std::uint64_t unit_bytes_ = 0;
  bool writable_ = false;
  Mapping mapping_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ARENA_MAP_H_
