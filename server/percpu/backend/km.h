// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_BACKEND_KM_H_
#define PERCPUD_SERVER_PERCPU_BACKEND_KM_H_

#include "server/percpu/backend/contiguous.h"

namespace percpud {

// The kernel's mm/percpu-km.c, faithfully. A chunk is one contiguous block of
// order ceil(log2(pages)), wholly backed when it is created. Populating and
// depopulating have nothing to do, and a live chunk never sheds a page. The pages
// between the units' end and the power of two are lost, unless return_tail gives
// them back, which the kernel does not. More than one group is refused: one block
// lies in one place.
class KmBackend final : public ContiguousBackend {
 public:
  // `info` and `pages` outlive the backend.
  KmBackend(const AllocInfo& info, PageSource& pages, const BackendOptions& options)
      : ContiguousBackend(info, pages, options.return_tail), options_(options) {}

  [[nodiscard]] absl::string_view name() const override { return "km"; }
  [[nodiscard]] bool populates_at_creation() const override { return true; }
  [[nodiscard]] absl::Status VerifyAllocInfo() const override;
  absl::StatusOr<ChunkMemory> CreateChunk() override;
  absl::Status PopulateChunk(const ChunkMemory& memory, BlockRange blocks) override;
  absl::Status DepopulateChunk(const ChunkMemory& memory, BlockRange blocks) override;

 private:
  const BackendOptions options_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_BACKEND_KM_H_
