// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/page_allocator.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

std::uint64_t BlockIndex(PageId page, std::size_t order) { return page.value() >> order; }

bool IsAligned(PageId page, std::size_t order) {
  return BlockIndex(page, order) << order == page.value();
}

// The blocks a run of that length is granted as.
template <typename Visit>
void ForEachPiece(Pages length, Visit visit) {
  for (auto left = length.value(); left != 0;) {
    const Order order(std::bit_width(left) - 1);
    visit(order);
    left -= BlockPages(order).value();
  }
}

absl::Status Broken(PageId page, absl::string_view what) {
  return absl::InternalError(absl::StrCat("page allocator: page ", page.value(), " ", what));
}

}  // namespace

PageAllocator::PageAllocator(Pages total)
    : total_(total), free_(total), granted_order_(total.value()) {
  const auto orders = static_cast<std::size_t>(std::bit_width(total.value()));
  free_lists_.reserve(orders);
  for (std::size_t order = 0; order < orders; ++order) {
    free_lists_.emplace_back(total.value() >> order);
  }
  Seed();
}

// The binary digits of the total are the blocks: the largest first, so that
// each begins at a multiple of its own size.
void PageAllocator::Seed() {
  std::uint64_t page = 0;
  for (std::size_t order = free_lists_.size(); order-- > 0;) {
    const std::uint64_t length = std::uint64_t{1} << order;
    if ((total_.value() & length) == 0) continue;
    free_lists_[order].Set(page >> order);
    page += length;
  }
}

absl::StatusOr<PageId> PageAllocator::Allocate(Order order) {
  assert(order.value() < 64);
  std::size_t from = order.value();
  while (from < free_lists_.size() && free_lists_[from].empty()) ++from;
  if (from >= free_lists_.size()) return errors::NoContiguousBlock(order, free_);

  std::uint64_t block = *free_lists_[from].FindFirst();
  free_lists_[from].Clear(block);
  while (from > order.value()) {
    // Keep the low half, give back the high one.
    --from;
    block *= 2;
    free_lists_[from].Set(block + 1);
  }
  const PageId page(block << order.value());
  granted_order_[page.value()] = static_cast<std::uint8_t>(order.value() + 1);
  free_ -= BlockPages(order);
  return page;
}

absl::Status PageAllocator::AllocateAt(PageId page, Order order) {
  std::size_t from = order.value();
  const auto is_free = [&](std::size_t at) {
    const std::uint64_t index = BlockIndex(page, at);
    return index < free_lists_[at].size() && free_lists_[at].Test(index);
  };
  while (from < free_lists_.size() && !is_free(from)) ++from;
  if (from >= free_lists_.size() || !IsAligned(page, order.value())) {
    return errors::BlockNotFree(page, order);
  }
  free_lists_[from].Clear(BlockIndex(page, from));
  while (from > order.value()) {
    // Keep the half with the page in it, give back the other.
    --from;
    free_lists_[from].Set(BlockIndex(page, from) ^ 1);
  }
  granted_order_[page.value()] = static_cast<std::uint8_t>(order.value() + 1);
  free_ -= BlockPages(order);
  return absl::OkStatus();
}

void PageAllocator::ForEachFree(const std::function<void(PageId, Order)>& visit) const {
  for (std::size_t order = 0; order < free_lists_.size(); ++order) {
    const BitTree& list = free_lists_[order];
    for (auto block = list.FindFirst(); block; block = list.FindFrom(*block + 1)) {
      visit(PageId(*block << order), Order(order));
    }
  }
}

absl::Status PageAllocator::Free(PageId page, Order order) {
  if (page.value() >= total_.value() || granted_order_[page.value()] != order.value() + 1) {
    return errors::BlockNotGranted(page, order);
  }
  granted_order_[page.value()] = 0;
  free_ += BlockPages(order);

  std::size_t at = order.value();
  std::uint64_t block = BlockIndex(page, at);
  for (;; ++at, block /= 2) {
    const std::uint64_t buddy = block ^ 1;
    if (buddy >= free_lists_[at].size() || !free_lists_[at].Test(buddy)) break;
    free_lists_[at].Clear(buddy);
  }
  free_lists_[at].Set(block);
  return absl::OkStatus();
}

absl::StatusOr<PageId> PageAllocator::AllocateRun(Pages length) {
  const Order order = OrderFor(length);
  absl::StatusOr<PageId> page = Allocate(order);
  if (!page.ok()) return page;
  // Whole again, and then in the pieces of the run: a free block can be taken
  // at any place.
  absl::Status status = Free(*page, order);
  if (status.ok()) status = AllocateRunAt(*page, length);
  assert(status.ok());
  return page;
}

absl::Status PageAllocator::AllocateRunAt(PageId page, Pages length) {
  if (!IsAligned(page, OrderFor(length).value())) {
    return errors::BlockNotFree(page, OrderFor(length));
  }
  PageId at = page;
  absl::Status status;
  ForEachPiece(length, [&](Order order) {
    if (status.ok()) status = AllocateAt(at, order);
    if (status.ok()) at = Advance(at, BlockPages(order));
  });
  if (!status.ok()) {
    // The pieces that were had.
    PageId taken = page;
    ForEachPiece(length, [&](Order order) {
      if (taken < at) Free(taken, order).IgnoreError();
      taken = Advance(taken, BlockPages(order));
    });
  }
  return status;
}

absl::Status PageAllocator::FreeRun(PageId page, Pages length) {
  PageId at = page;
  absl::Status status;
  ForEachPiece(length, [&](Order order) {
    if (status.ok()) status = Free(at, order);
    at = Advance(at, BlockPages(order));
  });
  return status;
}

std::vector<std::uint64_t> PageAllocator::FreeBlocksByOrder() const {
  std::vector<std::uint64_t> counts;
  counts.reserve(free_lists_.size());
  for (const BitTree& list : free_lists_) counts.push_back(list.count());
  return counts;
}

// Blocks laid end to end from page 0 must end at the last page, and there must
// be no other entry in any table: so they are disjoint and cover everything.
absl::Status PageAllocator::CheckInvariants() const {
  Pages free_seen;
  std::vector<std::uint64_t> blocks_seen(free_lists_.size());
  for (PageId page; page.value() < total_.value();) {
    const absl::StatusOr<Block> block = BlockAt(page);
    if (!block.ok()) return block.status();
    if (absl::Status status = CheckBlock(*block); !status.ok()) return status;
    const Pages length = BlockPages(block->order);
    if (block->is_free) {
      free_seen += length;
      ++blocks_seen[block->order.value()];
    }
    page = Advance(page, length);
  }
  if (blocks_seen != FreeBlocksByOrder()) {
    return absl::InternalError("page allocator: a free block lies inside another block");
  }
  if (free_seen != free_) {
    return absl::InternalError(absl::StrCat("page allocator: counts ", free_.value(),
                                            " free pages, has ", free_seen.value()));
  }
  return absl::OkStatus();
}

absl::StatusOr<PageAllocator::Block> PageAllocator::BlockAt(PageId page) const {
  std::optional<Block> found;
  if (const std::uint8_t granted = granted_order_[page.value()]; granted != 0) {
    found = Block{page, Order(granted - 1), /*is_free=*/false};
  }
  for (std::size_t order = 0; order < free_lists_.size() && IsAligned(page, order); ++order) {
    const std::uint64_t index = BlockIndex(page, order);
    if (index >= free_lists_[order].size() || !free_lists_[order].Test(index)) continue;
    if (found) return Broken(page, "heads two blocks");
    found = Block{page, Order(order), /*is_free=*/true};
  }
  if (!found) return Broken(page, "is neither granted nor free");
  return *found;
}

absl::Status PageAllocator::CheckBlock(const Block& block) const {
  const std::size_t order = block.order.value();
  const std::uint64_t index = BlockIndex(block.first, order);
  if (order >= free_lists_.size() || !IsAligned(block.first, order) ||
      index >= free_lists_[order].size()) {
    return Broken(block.first, "heads a block that is misaligned or leaves the arena");
  }
  const std::uint8_t* const head = granted_order_.begin() + block.first.value();
  if (std::any_of(head + 1, head + BlockPages(block.order).value(),
                  [](std::uint8_t inner) { return inner != 0; })) {
    return Broken(block.first, "heads a block with a granted one inside");
  }
  const std::uint64_t buddy = index ^ 1;
  if (block.is_free && buddy < free_lists_[order].size() && free_lists_[order].Test(buddy)) {
    return Broken(block.first, "heads a free block with a free buddy");
  }
  return absl::OkStatus();
}

}  // namespace percpud
