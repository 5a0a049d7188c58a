// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_ARENA_PAGE_ALLOCATOR_H_
#define PERCPUD_SERVER_ARENA_PAGE_ALLOCATOR_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/bit_tree.h"
#include "server/base/units.h"
#include "server/base/zeroed_array.h"

namespace percpud {

// A buddy allocator of page blocks: 2^order pages, aligned to their own size.
//
//   order 3  [ . . . . . . . . ]        one bit per possible block and order,
//   order 2  [ . . . . | F F F F ]      set = that block is free; a free block
//   order 1  [ A A | F F ]              never has a free buddy of its order
//   order 0  [ A A ]                    (they would have been joined)
//
// The free lists are bit trees (base/bit_tree.h), one per order, so that the
// lowest free block of an order is found in O(log64 pages), blocks are handed
// out lowest address first (which keeps the high end whole), and an arena of
// 16 M pages costs 4 MiB of index and no list pointers.
//
// Buddy system: Knowlton 1965, Knuth TAOCP 2.5; free lists by order as in the
// kernel's page allocator. The number of pages need not be a power of two.
//
// Not thread safe: guarded by the allocator's grow lock.
class PageAllocator {
 public:
  explicit PageAllocator(Pages total);

  // The lowest free block of that order, split off a larger one if need be.
  // RESOURCE_EXHAUSTED (NoContiguousBlock) if there is none.
  // REQUIRES: order < 64.
  absl::StatusOr<PageId> Allocate(Order order);

  // Takes the block at `page`, which a restart found granted. RESOURCE_EXHAUSTED
  // (BlockNotFree) if it is not free, or not all inside the arena, or `page` is
  // no multiple of its size.
  absl::Status AllocateAt(PageId page, Order order);

  // Takes back a block exactly as granted, joining it with free buddies.
  // INTERNAL (BlockNotGranted) if `page` heads no granted block of that order;
  // nothing changes.
  absl::Status Free(PageId page, Order order);

  // A run of any length: the front of a block of OrderFor(length), whose rest
  // stays free. Granted as one block per binary digit of its length, the largest
  // first, so that giving it back joins it with the rest again:
  //
  //   192 of 256 pages:  [ order 7 | order 6 |  free  ]
  //
  // Errors as those of the calls above. REQUIRES: length > 0.
  absl::StatusOr<PageId> AllocateRun(Pages length);
  absl::Status AllocateRunAt(PageId page, Pages length);
  absl::Status FreeRun(PageId page, Pages length);

  [[nodiscard]] Pages total_pages() const { return total_; }
  [[nodiscard]] Pages free_pages() const { return free_; }
  // Orders 0 .. order_count()-1 exist; the last one holds the whole arena or
  // most of it.
  [[nodiscard]] int order_count() const { return static_cast<int>(free_lists_.size()); }
  // The free blocks, by order and within one ascending.
  void ForEachFree(const std::function<void(PageId, Order)>& visit) const;
  // /proc/buddyinfo's columns.
  [[nodiscard]] std::vector<std::uint64_t> FreeBlocksByOrder() const;

  // Walks every page; INTERNAL names what is wrong. Expensive: for tests and
  // `check`.
  [[nodiscard]] absl::Status CheckInvariants() const;

 private:
  // A run of pages as the tables show it.
  struct Block {
    PageId first;
    Order order;
    bool is_free = false;
  };

  // Puts all pages on the free lists as maximal aligned blocks.
  void Seed();

  // The block that begins at `page`; INTERNAL if none does, or more than one.
  [[nodiscard]] absl::StatusOr<Block> BlockAt(PageId page) const;
  [[nodiscard]] absl::Status CheckBlock(const Block& block) const;

  const Pages total_;
  Pages free_;
  // Per order, bit i = the block at page i << order is free. Only blocks that
  // lie wholly inside the arena have a bit.
  std::vector<BitTree> free_lists_;
  // Per page that heads a granted block, order + 1; otherwise 0.
  ZeroedArray<std::uint8_t> granted_order_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_ARENA_PAGE_ALLOCATOR_H_
