// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/backend/vm.h"

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace percpud {

VmBackend::VmBackend(const AllocInfo& info, PageSource& pages, const BackendOptions& options)
    : ContiguousBackend(info, pages, /*return_tail=*/true),
      options_(options),
      nodes_(PreferNodes(Bytes(0))) {}

absl::Status VmBackend::VerifyAllocInfo() const {
  if (pages().page_size() != kBasePageSize) {
    return errors::BadConfig(
        "page_size", absl::StrCat("vm backs units in pages of ", Format(kBasePageSize), ", not ",
                                  Format(pages().page_size()), ": use km"));
  }
  if (info().unit_skew % kBasePageSize != Bytes(0)) {
    return errors::BadConfig("unit_skew", "vm backs units page by page: they begin on one");
  }
  if (options_.page_first_chunk && info().groups.size() != 1) {
    return errors::BadConfig("first_chunk", "page needs one group, as in the kernel");
  }
  return CheckPageSize();
}

Footprint VmBackend::footprint() const {
  Footprint out = ContiguousBackend::footprint();
  out.ghost_pages = Pages(0);
  return out;
}

std::string VmBackend::remark() const {
  if (nodes_.ok()) return {};
  return absl::StrCat("groups are not bound to their nodes: ", nodes_.message());
}

absl::Status VmBackend::PreferNodes(Bytes base) const {
  // With one group there is nothing to tell apart.
  if (info().groups.size() < 2) return absl::OkStatus();
  for (const GroupInfo& group : info().groups) {
    const Bytes length = info().unit_size * group.cpus.size();
    absl::Status status = pages().PreferNode(base + group.base_offset, length, group.node);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<ChunkMemory> VmBackend::CreateChunk() {
  absl::StatusOr<ChunkMemory> memory = ReserveChunk();
  // remark() has told what the system thinks of the nodes.
  if (memory.ok() && nodes_.ok()) PreferNodes(memory->base).IgnoreError();
  return memory;
}

VmBackend::Range VmBackend::RangeOf(const ChunkMemory& memory, UnitId unit,
                                    BlockRange blocks) const {
  const Bytes first = kBasePageSize * blocks.first;
  return {.offset = memory.base + info().unit_offset[unit.value()] + first,
          .length = kBasePageSize * blocks.count};
}

absl::Status VmBackend::PopulateChunk(const ChunkMemory& memory, BlockRange blocks) {
  for (std::uint32_t unit = 0; unit < info().units(); ++unit) {
    if (!info().unit_to_cpu[unit]) continue;
    const Range range = RangeOf(memory, UnitId(unit), blocks);
    absl::Status status = pages().Populate(range.offset, range.length);
    if (status.ok()) continue;
    // Gives back the units before this one, and what this one had got.
    DepopulateChunk(memory, blocks).IgnoreError();
    return status;
  }
  return absl::OkStatus();
}

absl::Status VmBackend::DepopulateChunk(const ChunkMemory& memory, BlockRange blocks) {
  absl::Status status;
  for (std::uint32_t unit = 0; unit < info().units(); ++unit) {
    // A ghost's pages, too: nobody populates them, but a client may read them.
    const Range range = RangeOf(memory, UnitId(unit), blocks);
    // Ghosts at the end of the chunk have gone back to the page allocator.
    const bool is_ours = range.offset + range.length <= memory.base + SizeOf(memory);
    if (!is_ours || !pages().MayBeBacked(range.offset, range.length)) continue;
    status.Update(pages().Release(range.offset, range.length));
  }
  return status;
}

}  // namespace percpud
