// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_BACKEND_KM_H_
#define PERCPUD_SERVER_PERCPU_BACKEND_KM_H_

#include "server/arena/page_allocator.h"
#include "server/percpu/backend/backend.h"

namespace percpud {

// The kernel's mm/percpu-km.c, faithfully: a chunk is one contiguous block of
// order ceil(log2(pages)), wholly backed when it is created. Populating and
// depopulating have nothing to do, a live chunk never sheds a page, the pages
// between the units' end and the power of two are lost, and more than one
// group cannot be served, for one block has one place.
//
//   block of order 8:  [ u0 | u1 | ... | u11 |  wasted  ]
//                        192 pages used         64 lost
class KmBackend final : public Backend {
 public:
  // Both outlive the backend.
  KmBackend(const AllocInfo& info, PageSource& pages);

  [[nodiscard]] absl::string_view name() const override { return "km"; }
  [[nodiscard]] FootprintSnapshot footprint() const override { return footprint_; }
  [[nodiscard]] bool populates_at_creation() const override { return true; }
  [[nodiscard]] absl::Status VerifyAllocInfo() const override;
  absl::StatusOr<ChunkMemory> CreateChunk() override;
  void DestroyChunk(const ChunkMemory& memory) override;
  absl::Status PopulateChunk(const ChunkMemory& memory, BlockRange blocks) override;
  void DepopulateChunk(const ChunkMemory& memory, BlockRange blocks) override;
  absl::StatusOr<Bytes> TakePages(Bytes size) override;
  void GivePages(Bytes offset, Bytes size) override;
  absl::StatusOr<ChunkMemory> AdoptChunk(Bytes base) override;
  absl::Status AdoptPages(Bytes offset, Bytes size) override;
  absl::Status ReleaseRest() override;
  [[nodiscard]] PageId AddressToPage(const ChunkMemory& memory, UnitId unit,
                                     Bytes offset) const override;
  [[nodiscard]] BuddySnapshot Buddy() const override;
  [[nodiscard]] absl::Status CheckInvariants() const override;

 private:
  const AllocInfo& info_;
  PageSource& pages_;
  const FootprintSnapshot footprint_;
  PageAllocator blocks_;

  // Gives a block back to system and page allocator. `size` of it was backed.
  void FreeBlock(PageId first_page, Order order, Bytes size);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_BACKEND_KM_H_
