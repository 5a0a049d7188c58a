// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/backend/km.h"

#include "server/base/errors.h"

namespace percpud {

absl::Status KmBackend::VerifyAllocInfo() const {
  if (options_.page_first_chunk) {
    return errors::BadConfig("first_chunk",
                             "km backs every chunk whole, the first one, too: page needs vm");
  }
  if (info().groups.size() != 1) {
    return errors::KmNeedsOneGroup(static_cast<std::uint32_t>(info().groups.size()));
  }
  return CheckPageSize();
}

absl::StatusOr<ChunkMemory> KmBackend::CreateChunk() {
  absl::StatusOr<ChunkMemory> memory = ReserveChunk();
  if (!memory.ok()) return memory;
  if (absl::Status status = pages().Populate(memory->base, SizeOf(*memory)); !status.ok()) {
    DestroyChunk(*memory);
    return status;
  }
  return memory;
}

absl::Status KmBackend::PopulateChunk(const ChunkMemory& /*memory*/, BlockRange /*blocks*/) {
  return absl::OkStatus();
}

absl::Status KmBackend::DepopulateChunk(const ChunkMemory& /*memory*/, BlockRange /*blocks*/) {
  return absl::OkStatus();
}

}  // namespace percpud
