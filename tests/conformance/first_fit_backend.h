// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_CONFORMANCE_FIRST_FIT_BACKEND_H_
#define PERCPUD_TESTS_CONFORMANCE_FIRST_FIT_BACKEND_H_

#include <map>

#include "server/base/errors.h"
#include "server/percpu/backend/backend.h"

namespace percpud::testing {

// The least that is a backend: chunks lie at the lowest page with room, in a map
// of what is taken, and are backed when they are made. No part of it is km's or
// vm's, which shows that backend.h is all the allocator needs.
class FirstFitBackend final : public Backend {
 public:
  FirstFitBackend(const AllocInfo& info, PageSource& pages) : info_(info), pages_(pages) {}

  [[nodiscard]] absl::string_view name() const override { return "first_fit"; }
  [[nodiscard]] Bytes frame_size() const override { return pages_.page_size(); }
  [[nodiscard]] bool populates_at_creation() const override { return true; }
  [[nodiscard]] absl::Status VerifyAllocInfo() const override { return absl::OkStatus(); }
  [[nodiscard]] Footprint footprint() const override {
    return {.pages_per_chunk = ChunkPages(), .block_pages = ChunkPages(), .returns_tail = true};
  }
  absl::StatusOr<ChunkMemory> CreateChunk() override {
    const absl::StatusOr<Bytes> base = TakePages(info_.memory_size());
    if (!base.ok()) return base.status();
    return At(*base);
  }
  void DestroyChunk(const ChunkMemory& memory) override {
    GivePages(memory.base, info_.memory_size());
  }
  absl::Status PopulateChunk(const ChunkMemory&, BlockRange) override { return absl::OkStatus(); }
  absl::Status DepopulateChunk(const ChunkMemory&, BlockRange) override { return absl::OkStatus(); }
  absl::StatusOr<Bytes> TakePages(Bytes size) override {
    Bytes at;
    for (const auto& [begin, end] : taken_) {
      if (begin >= at + size) break;
      at = end;
    }
    if (at + size > pages_.size()) return errors::NoContiguousBlock(Order(0), Free());
    if (absl::Status status = pages_.Populate(at, size); !status.ok()) return status;
    taken_[at] = at + size;
    return at;
  }
  void GivePages(Bytes offset, Bytes size) override {
    if (pages_.Release(offset, size).ok()) taken_.erase(offset);
  }
  absl::StatusOr<ChunkMemory> AdoptChunk(Bytes base) override {
    if (absl::Status status = AdoptPages(base, info_.memory_size()); !status.ok()) return status;
    return At(base);
  }
  absl::Status AdoptPages(Bytes offset, Bytes size) override {
    const bool free = std::all_of(taken_.begin(), taken_.end(), [&](const auto& range) {
      return range.second <= offset || offset + size <= range.first;
    });
    if (!free || offset % pages_.page_size() != Bytes(0) || offset + size > pages_.size()) {
      return errors::BlockNotFree(PageId(offset / pages_.page_size()), Order(0));
    }
    taken_[offset] = offset + size;
    return absl::OkStatus();
  }
  absl::Status ReleaseRest() override {
    absl::Status status;
    Bytes at;
    for (const auto& [begin, end] : taken_) {
      status.Update(pages_.Release(at, begin - at));
      at = end;
    }
    status.Update(pages_.Release(at, pages_.size() - at));
    return status;
  }
  [[nodiscard]] BuddyState Buddy() const override {
    return {.free_blocks = {Free().value()},
            .free_pages = Free(),
            .total_pages = ToPages(pages_.size(), pages_.page_size()),
            .page_size = pages_.page_size()};
  }
  [[nodiscard]] absl::Status CheckInvariants() const override { return absl::OkStatus(); }

 private:
  [[nodiscard]] Pages ChunkPages() const {
    return ToPages(info_.memory_size(), pages_.page_size());
  }
  [[nodiscard]] ChunkMemory At(Bytes base) const {
    return {.base = base,
            .first_page = PageId(base / pages_.page_size()),
            .pages = ChunkPages(),
            .block_order = {}};
  }
  [[nodiscard]] Pages Free() const {
    Bytes free = pages_.size();
    for (const auto& [begin, end] : taken_) free -= end - begin;
    return ToPages(free, pages_.page_size());
  }

  const AllocInfo& info_;
  PageSource& pages_;
  // Begin -> end.
  std::map<Bytes, Bytes> taken_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_CONFORMANCE_FIRST_FIT_BACKEND_H_
