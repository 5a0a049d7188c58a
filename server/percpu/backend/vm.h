// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_BACKEND_VM_H_
#define PERCPUD_SERVER_PERCPU_BACKEND_VM_H_

#include <string>

#include "server/percpu/backend/contiguous.h"

namespace percpud {

// What the kernel's mm/percpu-vm.c does: a chunk is a range of addresses without
// memory; its blocks are backed in every unit when an area first needs them, and
// their pages given back once they are empty. Each group's units are backed by
// its own NUMA node where that node has room. Ghosts and the rest of the block
// never have memory.
//
//           group 0, node 0          group 1, node 1
//   chunk: [ u0      | u1      |   ][ u2      | u3      |   ]
//   blocks:  ##..#...  ##..#...       ##..#...  ##..#...        # backed
class VmBackend final : public ContiguousBackend {
 public:
  // `info` and `pages` outlive the backend.
  VmBackend(const AllocInfo& info, PageSource& pages, const BackendOptions& options);

  [[nodiscard]] absl::string_view name() const override { return "vm"; }
  [[nodiscard]] Footprint footprint() const override;
  [[nodiscard]] bool populates_at_creation() const override { return false; }
  [[nodiscard]] bool page_first_chunk() const override { return options_.page_first_chunk; }
  [[nodiscard]] std::string remark() const override;
  [[nodiscard]] absl::Status VerifyAllocInfo() const override;
  absl::StatusOr<ChunkMemory> CreateChunk() override;
  absl::Status PopulateChunk(const ChunkMemory& memory, BlockRange blocks) override;
  absl::Status DepopulateChunk(const ChunkMemory& memory, BlockRange blocks) override;

 private:
  // Where the blocks lie in one unit.
  struct Range {
    Bytes offset;
    Bytes length;
  };
  [[nodiscard]] Range RangeOf(const ChunkMemory& memory, UnitId unit, BlockRange blocks) const;
  // Asks the system to prefer each group's node. Returns what it said of the first it refused.
  absl::Status PreferNodes(Bytes base) const;

  const BackendOptions options_;
  // What the system said of the groups' nodes at the start. A chunk without its
  // nodes is slower, and is served all the same.
  const absl::Status nodes_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_BACKEND_VM_H_
