// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/backend/contiguous.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud {
namespace {

// Units that lie behind the last one with a CPU.
std::uint32_t TrailingGhosts(const AllocInfo& info) {
  const auto last = std::find_if(info.unit_to_cpu.rbegin(), info.unit_to_cpu.rend(),
                                 [](const auto& cpu) { return cpu.has_value(); });
  return static_cast<std::uint32_t>(std::distance(info.unit_to_cpu.rbegin(), last));
}

Footprint MeasureFootprint(const AllocInfo& info, Bytes page_size, bool return_tail) {
  const Bytes unit = info.unit_size + info.unit_skew;
  const std::uint32_t trailing = TrailingGhosts(info);
  const Pages whole = ToPages(info.memory_size(), page_size);
  const Pages without_tail = ToPages(info.memory_size() - unit * trailing, page_size);

  Footprint out;
  out.returns_tail = return_tail;
  out.pages_per_chunk = return_tail ? without_tail : whole;
  out.block_order = OrderFor(out.pages_per_chunk);
  out.block_pages = BlockPages(out.block_order);
  out.tail_pages = out.block_pages - without_tail;
  out.wasted_pages = return_tail ? Pages(0) : out.block_pages - whole;
  out.ghost_pages = Pages(unit * (info.ghosts() - (return_tail ? trailing : 0)) / page_size);
  return out;
}

}  // namespace

ContiguousBackend::ContiguousBackend(const AllocInfo& info, PageSource& pages, bool return_tail)
    : info_(info),
      pages_(pages),
      footprint_(MeasureFootprint(info, pages.page_size(), return_tail)),
      runs_(Pages(pages.size() / pages.page_size())) {}

absl::Status ContiguousBackend::CheckPageSize() const {
  if (info_.memory_size() % pages_.page_size() == Bytes(0)) return absl::OkStatus();
  return errors::BadConfig(
      "atom_size",
      absl::StrCat("a chunk of ", Format(info_.memory_size()), " does not end on a page of ",
                   Format(pages_.page_size()), "; use an atom of that size"));
}

Pages ContiguousBackend::RunFor(Pages used) const {
  return footprint_.returns_tail ? used : BlockPages(OrderFor(used));
}

ChunkMemory ContiguousBackend::MemoryAt(PageId first_page) const {
  return {.base = Bytes(first_page.value() * pages_.page_size().value()),
          .first_page = first_page,
          .pages = footprint_.pages_per_chunk,
          .block_order = footprint_.block_order};
}

absl::StatusOr<ChunkMemory> ContiguousBackend::ReserveChunk() {
  const Pages run = RunFor(footprint_.pages_per_chunk);
  // The first chunk takes the arena's beginning, for it alone begins with something that
  // is never granted: 0 is no area's pointer. In an arena that is no power of two of
  // pages a block that fits better lies elsewhere.
  if (runs_.free_pages() == runs_.total_pages() && runs_.AllocateRunAt(PageId(0), run).ok()) {
    return MemoryAt(PageId(0));
  }
  const absl::StatusOr<PageId> first = runs_.AllocateRun(run);
  if (!first.ok()) return Full(run);
  return MemoryAt(*first);
}

absl::Status ContiguousBackend::Full(Pages run) const {
  return errors::ArenaFull(ToBytes(run, pages_.page_size()), pages_.size(), runs_.free_pages());
}

void ContiguousBackend::DestroyChunk(const ChunkMemory& memory) {
  FreeRun(memory.first_page, memory.pages);
}

void ContiguousBackend::FreeRun(PageId first_page, Pages used) {
  if (!TryFreeRun(first_page, used).ok()) {
    owed_.push_back({.first_page = first_page, .used = used});
  }
}

absl::Status ContiguousBackend::TryFreeRun(PageId first_page, Pages used) {
  const Bytes page_size = pages_.page_size();
  RETURN_IF_ERROR(
      pages_.Release(ToBytes(Pages(first_page.value()), page_size), ToBytes(used, page_size)));
  const absl::Status freed = runs_.FreeRun(first_page, RunFor(used));
  assert(freed.ok());
  static_cast<void>(freed);
  return absl::OkStatus();
}

absl::StatusOr<Bytes> ContiguousBackend::TakePages(Bytes size) {
  const Pages used = ToPages(size, pages_.page_size());
  const absl::StatusOr<PageId> first = runs_.AllocateRun(RunFor(used));
  if (!first.ok()) return Full(RunFor(used));
  const Bytes offset = ToBytes(Pages(first->value()), pages_.page_size());
  if (absl::Status status = pages_.Populate(offset, size); !status.ok()) {
    FreeRun(*first, used);
    return status;
  }
  return offset;
}

void ContiguousBackend::GivePages(Bytes offset, Bytes size) {
  FreeRun(PageId(offset / pages_.page_size()), ToPages(size, pages_.page_size()));
}

absl::StatusOr<ChunkMemory> ContiguousBackend::AdoptChunk(Bytes base) {
  const PageId first(base / pages_.page_size());
  if (base % pages_.page_size() != Bytes(0)) {
    return errors::BlockNotFree(first, footprint_.block_order);
  }
  absl::Status status = runs_.AllocateRunAt(first, RunFor(footprint_.pages_per_chunk));
  if (!status.ok()) return status;
  return MemoryAt(first);
}

absl::Status ContiguousBackend::AdoptPages(Bytes offset, Bytes size) {
  const Pages used = ToPages(size, pages_.page_size());
  const PageId first(offset / pages_.page_size());
  if (offset % pages_.page_size() != Bytes(0)) return errors::BlockNotFree(first, OrderFor(used));
  return runs_.AllocateRunAt(first, RunFor(used));
}

absl::Status ContiguousBackend::ReleaseRest() {
  absl::Status status;
  std::erase_if(owed_, [&](const OwedRun& run) {
    const absl::Status freed = TryFreeRun(run.first_page, run.used);
    status.Update(freed);
    return freed.ok();
  });
  runs_.ForEachFree([&](PageId first, Order order) {
    const Bytes offset = ToBytes(Pages(first.value()), pages_.page_size());
    const Bytes length = ToBytes(BlockPages(order), pages_.page_size());
    if (pages_.MayBeBacked(offset, length)) status.Update(pages_.Release(offset, length));
  });
  return status;
}

BuddyState ContiguousBackend::Buddy() const {
  return {.free_blocks = runs_.FreeBlocksByOrder(),
          .free_pages = runs_.free_pages(),
          .total_pages = runs_.total_pages(),
          .page_size = pages_.page_size()};
}

absl::Status ContiguousBackend::CheckInvariants() const { return runs_.CheckInvariants(); }

}  // namespace percpud
