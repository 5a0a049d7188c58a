// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_BACKEND_CONTIGUOUS_H_
#define PERCPUD_SERVER_PERCPU_BACKEND_CONTIGUOUS_H_

#include <vector>

#include "server/arena/page_allocator.h"
#include "server/percpu/backend/backend.h"

namespace percpud {

// The common part of backends with contiguous chunks. A chunk is the front of a
// block of order ceil(log2(pages)). Whether the rest of the block is lost or
// given back is the backend's choice:
//
//   block of order 8:  [ u0 | u1 | ... | u11 |  tail  ]
//                        192 pages used         64
//
// When a page of it is backed, and by which node, is the backend's alone.
class ContiguousBackend : public Backend {
 public:
  [[nodiscard]] Footprint footprint() const override { return footprint_; }
  // A chunk begins a block of its own, and the tail that is given back has no room for
  // another.
  [[nodiscard]] Bytes frame_size() const override {
    return ToBytes(footprint_.block_pages, pages_.page_size());
  }
  void DestroyChunk(const ChunkMemory& memory) override;
  absl::StatusOr<Bytes> TakePages(Bytes size) override;
  void GivePages(Bytes offset, Bytes size) override;
  absl::StatusOr<ChunkMemory> AdoptChunk(Bytes base) override;
  absl::Status AdoptPages(Bytes offset, Bytes size) override;
  absl::Status ReleaseRest() override;
  [[nodiscard]] bool owes_pages() const override { return !owed_.empty(); }
  [[nodiscard]] BuddyState Buddy() const override;
  [[nodiscard]] absl::Status CheckInvariants() const override;

 protected:
  // Both outlive the backend.
  ContiguousBackend(const AllocInfo& info, PageSource& pages, bool return_tail);

  [[nodiscard]] const AllocInfo& info() const { return info_; }
  [[nodiscard]] PageSource& pages() const { return pages_; }
  // Room for one more chunk, not backed. Errors: ArenaFull.
  absl::StatusOr<ChunkMemory> ReserveChunk();
  // Bytes of the chunk's own pages.
  [[nodiscard]] Bytes SizeOf(const ChunkMemory& memory) const {
    return ToBytes(memory.pages, pages_.page_size());
  }
  // OK if chunks end on a page of the arena.
  [[nodiscard]] absl::Status CheckPageSize() const;

 private:
  const AllocInfo& info_;
  PageSource& pages_;
  const Footprint footprint_;
  PageAllocator runs_;
  // Runs that the system did not take back. They keep their old bytes, which a later
  // chunk would grant as zero: they are not used again before they are punched.
  struct OwedRun {
    PageId first_page;
    Pages used;
  };
  std::vector<OwedRun> owed_;

  [[nodiscard]] ChunkMemory MemoryAt(PageId first_page) const;
  // What is taken of the page allocator for `used` pages.
  [[nodiscard]] Pages RunFor(Pages used) const;
  // Says that no run of that length is free.
  [[nodiscard]] absl::Status Full(Pages run) const;
  // Gives a run back to system and page allocator, or notes it as owed. `used` of it may
  // be backed.
  void FreeRun(PageId first_page, Pages used);
  // Errors: what the system said; then nothing has changed.
  absl::Status TryFreeRun(PageId first_page, Pages used);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_BACKEND_CONTIGUOUS_H_
