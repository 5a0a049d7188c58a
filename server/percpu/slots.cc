// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/slots.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace percpud {
namespace {

// pcpu_size_to_slot: fls(bytes) - PCPU_SLOT_BASE_SHIFT + 2.
constexpr std::uint32_t kBaseShift = 3;
constexpr std::uint64_t kInitialChunks = 64;

}  // namespace

Slots::Slots(Bytes unit_size)
    : unit_size_(unit_size), slots_(SlotOf(unit_size) + 2, BitTree(kInitialChunks)) {}

std::uint32_t Slots::SlotOf(Bytes longest_run) {
  if (longest_run < kGranuleSize) return 0;
  const auto width = static_cast<std::uint32_t>(std::bit_width(longest_run.value()));
  return std::max(width - kBaseShift, std::uint32_t{1});
}

Bytes Slots::MinRun(std::uint32_t slot) const {
  if (slot == 0) return Bytes(0);
  if (slot == free_slot()) return unit_size_;
  return slot == 1 ? kGranuleSize : Bytes(std::uint64_t{1} << (slot + kBaseShift - 1));
}

void Slots::Insert(std::uint32_t slot, ChunkId chunk) {
  BitTree& chunks = slots_[slot];
  if (chunk.value() >= chunks.size()) {
    BitTree larger(std::bit_ceil(std::uint64_t{chunk.value()} + 1));
    for (auto id = chunks.FindFirst(); id; id = chunks.FindFrom(*id + 1)) larger.Set(*id);
    chunks = std::move(larger);
  }
  chunks.Set(chunk.value());
  occupied_ |= std::uint64_t{1} << slot;
}

void Slots::Remove(std::uint32_t slot, ChunkId chunk) {
  slots_[slot].Clear(chunk.value());
  if (slots_[slot].empty()) occupied_ &= ~(std::uint64_t{1} << slot);
}

std::uint32_t Slots::NextOccupied(std::uint32_t slot) const {
  if (slot >= count()) return count();
  const std::uint64_t left = occupied_ >> slot;
  return left == 0 ? count() : slot + static_cast<std::uint32_t>(std::countr_zero(left));
}

}  // namespace percpud
