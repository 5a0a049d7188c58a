// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INTROSPECT_SLOTS_H_
#define PERCPUD_SERVER_PERCPU_INTROSPECT_SLOTS_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "server/base/units.h"

namespace percpud {

// The size classes that chunks are shown in: slot k holds chunks whose longest
// free run has 2^(k+2) to 2^(k+3)-1 bytes, as the kernel's slots do; slot 0 is
// full chunks and the last slot entirely free ones. The kernel also searches by
// them; here fit_index.h does that, run by run.
class Slots {
 public:
  explicit Slots(Bytes unit_size) : unit_size_(unit_size) {}

  // The slot of a run of that length. REQUIRES: not an entirely free chunk.
  [[nodiscard]] static std::uint32_t SlotOf(Bytes longest_run) {
    if (longest_run < kGranuleSize) return 0;
    const auto width = static_cast<std::uint32_t>(std::bit_width(longest_run.value()));
    return std::max(width - kBaseShift, std::uint32_t{1});
  }
  [[nodiscard]] std::uint32_t free_slot() const { return SlotOf(unit_size_) + 1; }
  [[nodiscard]] std::uint32_t count() const { return free_slot() + 1; }
  // The shortest run of the slot.
  [[nodiscard]] Bytes MinRun(std::uint32_t slot) const {
    if (slot == 0) return Bytes(0);
    if (slot == free_slot()) return unit_size_;
    return slot == 1 ? kGranuleSize : Bytes(std::uint64_t{1} << (slot + kBaseShift - 1));
  }

 private:
  // pcpu_size_to_slot: fls(bytes) - PCPU_SLOT_BASE_SHIFT + 2.
  static constexpr std::uint32_t kBaseShift = 3;

  const Bytes unit_size_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INTROSPECT_SLOTS_H_
