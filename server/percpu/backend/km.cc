// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/backend/km.h"

#include <cassert>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

FootprintSnapshot MeasureFootprint(const AllocInfo& info, Bytes page_size) {
  FootprintSnapshot out;
  out.pages_per_chunk = ToPages(info.memory_size(), page_size);
  out.block_order = OrderFor(out.pages_per_chunk);
  out.block_pages = BlockPages(out.block_order);
  out.wasted_pages = out.block_pages - out.pages_per_chunk;
  out.ghost_pages = Pages((info.unit_size + info.unit_skew) * info.ghosts() / page_size);
  return out;
}

}  // namespace

KmBackend::KmBackend(const AllocInfo& info, PageSource& pages)
    : info_(info),
      pages_(pages),
      footprint_(MeasureFootprint(info, pages.page_size())),
      blocks_(Pages(pages.size() / pages.page_size())) {}

absl::Status KmBackend::VerifyAllocInfo() const {
  if (info_.groups.size() != 1) {
    return errors::KmNeedsOneGroup(static_cast<std::uint32_t>(info_.groups.size()));
  }
  if (info_.memory_size() % pages_.page_size() != Bytes(0)) {
    return errors::BadConfig(
        "atom_size",
        absl::StrCat("a chunk of ", Format(info_.memory_size()), " does not end on a page of ",
                     Format(pages_.page_size()), "; use an atom of that size"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ChunkMemory> KmBackend::CreateChunk() {
  absl::StatusOr<PageId> block = blocks_.Allocate(footprint_.block_order);
  if (!block.ok()) return block.status();
  const ChunkMemory memory{.base = Bytes(block->value() * pages_.page_size().value()),
                           .first_page = *block,
                           .pages = footprint_.pages_per_chunk,
                           .block_order = footprint_.block_order};
  if (absl::Status status = pages_.Populate(memory.base, info_.memory_size()); !status.ok()) {
    DestroyChunk(memory);
    return status;
  }
  return memory;
}

void KmBackend::DestroyChunk(const ChunkMemory& memory) {
  FreeBlock(memory.first_page, memory.block_order, info_.memory_size());
}

void KmBackend::FreeBlock(PageId first_page, Order order, Bytes size) {
  // A hole that cannot be punched keeps its old bytes, which a later chunk
  // would grant as zero: such a block is not used again.
  if (!pages_.Release(ToBytes(Pages(first_page.value()), pages_.page_size()), size).ok()) return;
  const absl::Status freed = blocks_.Free(first_page, order);
  assert(freed.ok());
  static_cast<void>(freed);
}

absl::StatusOr<Bytes> KmBackend::TakePages(Bytes size) {
  const Order order = OrderFor(ToPages(size, pages_.page_size()));
  const absl::StatusOr<PageId> block = blocks_.Allocate(order);
  if (!block.ok()) return block.status();
  const Bytes offset = ToBytes(Pages(block->value()), pages_.page_size());
  if (absl::Status status = pages_.Populate(offset, size); !status.ok()) {
    FreeBlock(*block, order, size);
    return status;
  }
  return offset;
}

void KmBackend::GivePages(Bytes offset, Bytes size) {
  FreeBlock(PageId(offset / pages_.page_size()), OrderFor(ToPages(size, pages_.page_size())), size);
}

absl::Status KmBackend::PopulateChunk(const ChunkMemory& /*memory*/, BlockRange /*blocks*/) {
  return absl::OkStatus();
}

void KmBackend::DepopulateChunk(const ChunkMemory& /*memory*/, BlockRange /*blocks*/) {}

absl::StatusOr<ChunkMemory> KmBackend::AdoptChunk(Bytes base) {
  const PageId first(base / pages_.page_size());
  if (base % pages_.page_size() != Bytes(0)) {
    return errors::BlockNotFree(first, footprint_.block_order);
  }
  absl::Status status = blocks_.AllocateAt(first, footprint_.block_order);
  if (!status.ok()) return status;
  return ChunkMemory{.base = base,
                     .first_page = first,
                     .pages = footprint_.pages_per_chunk,
                     .block_order = footprint_.block_order};
}

absl::Status KmBackend::AdoptPages(Bytes offset, Bytes size) {
  const Order order = OrderFor(ToPages(size, pages_.page_size()));
  const PageId first(offset / pages_.page_size());
  if (offset % pages_.page_size() != Bytes(0)) return errors::BlockNotFree(first, order);
  return blocks_.AllocateAt(first, order);
}

absl::Status KmBackend::ReleaseRest() {
  absl::Status status;
  blocks_.ForEachFree([&](PageId first, Order order) {
    status.Update(pages_.Release(ToBytes(Pages(first.value()), pages_.page_size()),
                                 ToBytes(BlockPages(order), pages_.page_size())));
  });
  return status;
}

PageId KmBackend::AddressToPage(const ChunkMemory& memory, UnitId unit, Bytes offset) const {
  const Bytes at = info_.unit_offset[unit.value()] + offset;
  return Advance(memory.first_page, Pages(at / pages_.page_size()));
}

BuddySnapshot KmBackend::Buddy() const {
  return {.free_blocks = blocks_.FreeBlocksByOrder(),
          .free_pages = blocks_.free_pages(),
          .total_pages = blocks_.total_pages(),
          .page_size = pages_.page_size()};
}

absl::Status KmBackend::CheckInvariants() const { return blocks_.CheckInvariants(); }

}  // namespace percpud
