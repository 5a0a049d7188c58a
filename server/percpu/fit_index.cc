// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/fit_index.h"

#include <bit>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace percpud {

FitIndex::FitIndex(std::uint64_t chunks, std::uint32_t blocks_per_chunk)
    : chunks_(chunks),
      blocks_per_chunk_(blocks_per_chunk),
      block_bits_(static_cast<std::uint32_t>(std::bit_width(blocks_per_chunk - 1))),
      class_of_(chunks << block_bits_),
      classes_(kClasses, BitTree(chunks << block_bits_)) {}

void FitIndex::Remove(ChunkId chunk) {
  for (std::uint32_t block = 0; block < blocks_per_chunk_; ++block) Set(chunk, block, Granules(0));
}

void FitIndex::Move(std::uint64_t index, std::uint32_t to) {
  if (const std::uint32_t from = class_of_[index]; from != 0) {
    classes_[from].Clear(index);
    if (classes_[from].empty()) occupied_[from / 64] &= ~(std::uint64_t{1} << (from % 64));
  }
  class_of_[index] = static_cast<std::uint8_t>(to);
  if (to == 0) return;
  classes_[to].Set(index);
  occupied_[to / 64] |= std::uint64_t{1} << (to % 64);
}

std::uint32_t FitIndex::NextOccupied(std::uint32_t from) const {
  for (std::uint32_t word = from / 64; word < occupied_.size(); ++word, from = word * 64) {
    const std::uint64_t left = occupied_[word] & (~std::uint64_t{0} << (from % 64));
    if (left != 0) return word * 64 + static_cast<std::uint32_t>(std::countr_zero(left));
  }
  return kClasses;
}

absl::Status FitIndex::CheckInvariants() const {
  std::uint64_t classed = 0;
  std::uint64_t listed = 0;
  for (const std::uint8_t each : class_of_) classed += std::uint64_t{each != 0};
  for (std::uint32_t each = 0; each < kClasses; ++each) {
    const BitTree& blocks = classes_[each];
    listed += blocks.count();
    bool wrong = (occupied_[each / 64] >> (each % 64) & 1) != std::uint64_t{!blocks.empty()};
    for (auto at = blocks.FindFirst(); at && !wrong; at = blocks.FindFrom(*at + 1)) {
      wrong = class_of_[*at] != each;
    }
    if (wrong) return absl::InternalError(absl::StrCat("index: size class ", each, " is stale"));
  }
  if (classed != listed) {
    return absl::InternalError(
        absl::StrCat("index: ", classed, " blocks have a class, ", listed, " are in one"));
  }
  return absl::OkStatus();
}

}  // namespace percpud
