// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ARENA_MAP_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ARENA_MAP_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "percpu/internal/door/admission.h"
#include "percpu/internal/fork.h"
#include "percpu/mapping.h"

namespace percpu {

// The arena in this process's address space. The layout page's tables are copied and
// checked first: a page that contradicts itself maps nothing.
//
// A child of a fork inherits the mapping suspended: no CPU has a unit in it, so that every
// update goes to the fallback until the mapping is resumed. A mapping is retired for good
// when its session is lost. Neither makes an update slower, because both change the table
// that every update reads anyway.
//
// Thread safe, but for construction and destruction.
class ArenaMap final : private ForkListener {
 public:
  // Maps the arena. Keeps neither descriptor. `fallback` may be null, and outlives this.
  // Errors: FAILED_PRECONDITION for a layout of another version, DATA_LOSS for an
  // impossible one, the system's refusal to map.
  static absl::StatusOr<std::unique_ptr<ArenaMap>> Map(const UniqueFd& arena,
                                                       const UniqueFd& layout, MapMode granted,
                                                       Fallback* fallback);
  // Returns the id of the arena that a layout page describes. Errors: as Map.
  static absl::StatusOr<std::array<std::uint8_t, 16>> ReadId(const UniqueFd& layout);
  ~ArenaMap();

  // Takes the mapping into use again, unless it is retired.
  void Resume();
  // Refuses all updates from now on.
  void Retire();
  [[nodiscard]] bool is_suspended() const { return use_.load() == Use::kSuspended; }
  [[nodiscard]] bool is_retired() const { return use_.load() == Use::kRetired; }
  // True in a child of the process that mapped the arena.
  [[nodiscard]] bool is_inherited() const { return is_inherited_.load(); }
  ArenaMap(const ArenaMap&) = delete;
  ArenaMap& operator=(const ArenaMap&) = delete;

  // Valid as long as this is.
  [[nodiscard]] const Mapping& mapping() const { return mapping_; }
  [[nodiscard]] bool writable() const { return writable_; }
  // Returns whether `bytes` at `pointer` lie in the arena, in every unit, and are aligned.
  // REQUIRES: `alignment` is not 0.
  [[nodiscard]] bool Holds(std::uint64_t pointer, std::uint64_t bytes,
                           std::uint64_t alignment) const;
  [[nodiscard]] std::uint64_t arena_bytes() const { return arena_bytes_; }
  [[nodiscard]] std::uint64_t unit_bytes() const { return unit_bytes_; }
  // Returns the offsets of the units that have a CPU, ascending, the first 0. Ghosts are
  // left out: they have no memory of their own, and their place may be another chunk's.
  [[nodiscard]] std::span<const std::uint64_t> backed_offsets() const { return backed_offsets_; }
  // Returns the arena's id, which stays the same as long as its bytes live.
  [[nodiscard]] const std::array<std::uint8_t, 16>& arena_id() const { return arena_id_; }

 private:
  enum class Use { kUsed, kSuspended, kRetired };

  ArenaMap() = default;
  void OnForkInChild() noexcept override;
  // Gives every CPU its unit, or takes all units away.
  void SetUnits(bool has_units) noexcept;
  absl::Status ReadLayout(const UniqueFd& layout);

  std::vector<std::uint64_t> unit_offsets_;
  std::vector<std::uint64_t> backed_offsets_;
  std::vector<std::uint64_t> cpu_offsets_;
  percpud::rseq::CpuEntries cpu_entries_;
  std::vector<CpuUnit> cpu_units_;
  std::array<std::uint8_t, 16> arena_id_{};
  std::uint64_t arena_bytes_ = 0;
  std::uint64_t unit_bytes_ = 0;
  bool writable_ = false;
  std::atomic<Use> use_ = Use::kUsed;
  std::atomic<bool> is_inherited_ = false;
  Mapping mapping_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ARENA_MAP_H_
