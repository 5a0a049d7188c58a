// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/fit_index.h"

#include "absl/strings/str_cat.h"

namespace percpud {

FitIndex::FitIndex(std::uint64_t chunks) : chunks_(chunks), classes_(kClasses, BitTree(chunks)) {}

void FitIndex::Add(ChunkId chunk, const AreaMap& areas) {
  areas.ForEachClass([&](std::uint32_t size_class) { Set(chunk, size_class, true); });
}

void FitIndex::Remove(ChunkId chunk, const AreaMap& areas) {
  areas.ForEachClass([&](std::uint32_t size_class) { Set(chunk, size_class, false); });
}

bool FitIndex::Agrees(ChunkId chunk, const AreaMap* areas) const {
  for (std::uint32_t each = 0; each < kClasses; ++each) {
    const bool has_runs = areas != nullptr && areas->HasClass(each);
    if (classes_[each].Test(chunk.value()) != has_runs) return false;
  }
  return true;
}

absl::Status FitIndex::CheckInvariants() const {
  for (std::uint32_t each = 0; each < kClasses; ++each) {
    if (bits::Test(occupied_.data(), each) == classes_[each].empty()) {
      return absl::InternalError(absl::StrCat("index: size class ", each, " is stale"));
    }
  }
  return absl::OkStatus();
}

}  // namespace percpud
