// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/allocator.h"
#include "server/percpu/index/index_hot.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

absl::Status CheckTag(absl::string_view tag) {
  if (tag.size() > kMaxTagLength) return errors::TagOverLimit(tag.size(), kMaxTagLength);
  const bool has_control = std::any_of(tag.begin(), tag.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return has_control ? errors::TagNotText() : absl::OkStatus();
}

// `part` names what has `limit` bytes.
absl::Status ExplainUnsound(const AreaSpec& spec, Bytes limit, absl::string_view part,
                            const AllocInfo& info) {
  if (spec.size == Bytes(0)) return errors::SizeIsZero();
  if (spec.size > limit) return errors::SizeOverLimit(spec.size, limit, part);
  if (!IsPowerOfTwo(std::max(spec.alignment, kMinAlign))) {
    return errors::AlignmentNotPowerOfTwo(spec.alignment);
  }
  if (spec.alignment > kMaxAlign) return errors::AlignmentOverLimit(spec.alignment, kMaxAlign);
  return CheckAlignment(info, spec.alignment);
}

}  // namespace

// One Alloc on its way: what is asked, and what has been placed so far.
struct Allocator::Granting {
  struct Cleaning {
    ChunkMemory memory;
    AreaSpan dirty;
  };

  Granting(std::span<const AreaSpec> asked, const AllocOptions& how) : specs(asked), options(how) {}

  const std::span<const AreaSpec> specs;
  const AllocOptions& options;
  // Acquired for all of them.
  std::optional<TagId> tag;
  absl::InlinedVector<Placement, 4> placed;
  // For Finish to clear without the lock.
  absl::InlinedVector<Cleaning, 4> cleanings;
  bool committed = false;
  bool wake_balancer = false;
};

absl::StatusOr<std::unique_ptr<Allocator>> Allocator::Create(std::unique_ptr<const AllocInfo> info,
                                                             StaticLayout statics,
                                                             std::unique_ptr<Backend> backend,
                                                             PageSource& pages, Options options) {
  if (absl::Status status = backend->VerifyAllocInfo(); !status.ok()) return status;
  std::unique_ptr<Allocator> allocator(new Allocator(
      std::move(info), std::move(statics), std::move(backend), pages, std::move(options)));
  if (absl::Status status = allocator->CreateFirstChunk(); !status.ok()) return status;
  return allocator;
}

Allocator::Allocator(std::unique_ptr<const AllocInfo> info, StaticLayout statics,
                     std::unique_ptr<Backend> backend, PageSource& pages, Options options)
    : info_(std::move(info)),
      statics_(std::move(statics)),
      backend_(std::move(backend)),
      gives_pages_back_(!backend_->populates_at_creation()),
      pages_(pages),
      options_(std::move(options)),
      max_alignment_(info_->max_alignment()),
      index_(*info_,
             {.size = pages.size(),
              .page_size = pages.page_size(),
              .frame_size = backend_->frame_size()},
             gives_pages_back_ ? Reuse::kRoom
             : options_.zero   ? Reuse::kCleared
                               : Reuse::kParked) {}

Allocator::~Allocator() = default;

absl::Status Allocator::CreateFirstChunk() {
  RankedLock grow(&grow_mu_);
  const Bytes static_end = info_->static_size;
  const Bytes reserved_end = static_end + info_->reserved_size;
  std::unique_ptr<Chunk> reserved;
  if (reserved_end > static_end) {
    reserved = Chunk::Make(ChunkKind::kReserved, {static_end, reserved_end}, options_.metadata);
    if (reserved == nullptr) return errors::MetadataExhausted("the reserved chunk's area map");
  }
  std::unique_ptr<Chunk> first =
      Chunk::Make(ChunkKind::kFirst, {reserved_end, info_->unit_size}, options_.metadata);
  if (first == nullptr) return errors::MetadataExhausted("the first chunk's area map");
  absl::StatusOr<ChunkMemory> memory = backend_->CreateChunk();
  if (!memory.ok()) return memory.status();
  if (gives_pages_back_) {
    absl::Status status = backend_->PopulateChunk(*memory, FirstBacked());
    if (!status.ok()) {
      backend_->DestroyChunk(*memory);
      return status;
    }
  }
  first->MarkPopulated(FirstBacked());
  RankedLock index(&index_mu_);
  TellOf(index_.Insert(std::move(first), *memory), /*destroyed=*/false);
  if (reserved != nullptr) {
    reserved->MarkPopulated({0, reserved->blocks()});
    index_.Insert(std::move(reserved), *memory);
  }
  return absl::OkStatus();
}

BlockRange Allocator::FirstBacked() const {
  const Bytes fixed = info_->static_size + info_->reserved_size;
  const Bytes backed = backend_->page_first_chunk() ? fixed : info_->unit_size;
  return {0, static_cast<std::uint32_t>(ToPages(backed, kBasePageSize).value())};
}

// --- Granting ----------------------------------------------------------------

absl::Status Allocator::Validate(std::span<const AreaSpec> specs,
                                 const AllocOptions& options) const {
  if (specs.empty()) return errors::BatchIsEmpty("sizes");
  if (!options.tag.empty()) {
    if (absl::Status status = CheckTag(options.tag); !status.ok()) return status;
  }
  const bool reserved = options.region == Region::kReserved;
  if (reserved && info_->reserved_size == Bytes(0)) return errors::NoReservedRegion();
  const Bytes limit = reserved ? info_->reserved_size : max_alloc_size();
  for (const AreaSpec& spec : specs) {
    if (!IsSound(spec, limit, info_->max_alignment())) {
      return ExplainUnsound(spec, limit, reserved ? "the reserved part of a unit" : "a whole unit",
                            *info_);
    }
  }
  return absl::OkStatus();
}

absl::Status Allocator::AcquireTag(Granting& granting) {
  granting.tag = index_.tags().Acquire(granting.options.tag, granting.specs.size());
  return granting.tag ? absl::OkStatus() : errors::TooManyTags(kMaxTags);
}

// Places what is not placed yet; false if some area has no room. What is dirty of it is
// noted at once: the rest of a chunk's dirty room may be cleared before it is granted.
bool Allocator::Place(Granting& granting, SlicedLock& lock) {
  while (granting.placed.size() < granting.specs.size()) {
    lock.Step();
    const AreaSpec& spec = granting.specs[granting.placed.size()];
    const Placement placement = index_.Place(ToGranules(spec.size), AlignGranules(spec.alignment),
                                             granting.options.region, granting.options.no_grow);
    if (!placement) return false;
    const AreaSpan dirty = placement.chunk->DirtyIn(placement.area);
    if (options_.zero && dirty.size > Granules(0)) {
      granting.cleanings.push_back({placement.chunk->memory(), dirty});
    }
    index_.Hold(placement);
    granting.placed.push_back(placement);
  }
  return true;
}

void Allocator::Undo(Granting& granting, SlicedLock& lock) {
  for (; !granting.placed.empty(); granting.placed.pop_back()) {
    lock.Step();
    index_.Unhold(granting.placed.back());
    // If it was dirty it still is.
    if (granting.cleanings.empty()) {
      index_.Release(granting.placed.back());
    } else {
      index_.ReleaseDirty(granting.placed.back());
    }
  }
  granting.cleanings.clear();
  index_.tags().Release(*std::exchange(granting.tag, std::nullopt), granting.specs.size());
}

void Allocator::Commit(Granting& granting, SlicedLock& lock) {
  for (const Placement placement : granting.placed) {
    lock.Step();
    index_.Unhold(placement);
    index_.CommitGrant(placement, *granting.tag);
  }
  granting.committed = true;
  granting.wake_balancer = TakeBalanceSignal(!granting.cleanings.empty());
}

// What is dirty is cleared without the lock while the areas are held: nobody
// else reads or writes them, and no chunk of theirs goes.
void Allocator::Finish(Granting& granting, std::span<PercpuPtr> out) {
  if (!granting.committed) {
    Bytes cleared;
    for (const Granting::Cleaning& cleaning : granting.cleanings) {
      cleared += Zero(cleaning.memory, std::span(&cleaning.dirty, 1));
    }
    SlicedLock index(&index_mu_);
    index_.mutable_stats().zeroed_inline += cleared;
    Commit(granting, index);
  }
  std::transform(granting.placed.begin(), granting.placed.end(), out.begin(),
                 [](Placement placement) { return placement.pointer(); });
  if (granting.wake_balancer && balance_wanted_) balance_wanted_();
}

absl::Status Allocator::Refuse(const Granting& granting) {
  const AreaSpec& spec = granting.specs[granting.placed.size()];
  ++index_.mutable_stats().failed_allocs;
  if (granting.options.region == Region::kReserved) {
    return errors::NoReservedSpace(spec.size, spec.alignment);
  }
  reserve_wanted_ = true;
  return errors::NoSpaceWithoutGrowing(spec.size, spec.alignment);
}

std::optional<absl::Status> Allocator::TryAllocBatch(std::span<const AreaSpec> specs,
                                                     const AllocOptions& options,
                                                     std::span<PercpuPtr> out) {
  if (specs.size() == 1) {
    if (const std::optional<PercpuPtr> one = TryAllocOne(specs.front(), options)) {
      out.front() = *one;
      return absl::OkStatus();
    }
  }
  if (absl::Status status = Validate(specs, options); !status.ok()) return status;
  Granting granting(specs, options);
  {
    SlicedLock index(&index_mu_);
    reserve_in_use_ |= options.no_grow;
    if (absl::Status status = AcquireTag(granting); !status.ok()) return status;
    const bool placed = Place(granting, index);
    const bool may_grow = !options.no_grow && options.region == Region::kDynamic;
    // Room may be in what is or is to be cleared: worth a wait.
    if (!placed && (may_grow || index_.withdrawn() > 0 || index_.has_uncleared())) {
      Undo(granting, index);
      return std::nullopt;
    }
    if (!placed) {
      absl::Status refused = Refuse(granting);
      Undo(granting, index);
      return refused;
    }
    const bool unbacked =
        std::any_of(granting.placed.begin(), granting.placed.end(), [](Placement placement) {
          const Chunk& chunk = *placement.chunk;
          return !chunk.is_populated() && chunk.UnpopulatedIn(placement.area).count > 0;
        });
    if (unbacked) {
      Undo(granting, index);
      return std::nullopt;
    }
    if (granting.cleanings.empty()) Commit(granting, index);
  }
  Finish(granting, out);
  return absl::OkStatus();
}

absl::Status Allocator::AllocBatch(std::span<const AreaSpec> specs, const AllocOptions& options,
                                   std::span<PercpuPtr> out) {
  if (std::optional<absl::Status> status = TryAllocBatch(specs, options, out)) return *status;
  Granting granting(specs, options);
  {
    RankedLock grow(&grow_mu_);
    {
      RankedLock index(&index_mu_);
      if (absl::Status status = AcquireTag(granting); !status.ok()) return status;
    }
    std::vector<ChunkId> created;
    if (absl::Status status = PlaceGrowing(granting, created); !status.ok()) {
      {
        SlicedLock index(&index_mu_);
        Undo(granting, index);
      }
      for (const ChunkId chunk : created) DestroyIfFree(chunk);
      return status;
    }
  }
  Finish(granting, out);
  return absl::OkStatus();
}

absl::Status Allocator::PlaceGrowing(Granting& granting, std::vector<ChunkId>& created) {
  const bool may_grow = !granting.options.no_grow && granting.options.region == Region::kDynamic;
  while (true) {
    {
      SlicedLock index(&index_mu_);
      if (Place(granting, index)) break;
      if (!may_grow && !index_.has_uncleared()) return Refuse(granting);
    }
    if (ClearUncleared(/*any=*/true)) continue;
    absl::StatusOr<ChunkId> chunk = CreateChunk();
    if (!chunk.ok()) {
      RankedLock index(&index_mu_);
      ++index_.mutable_stats().failed_allocs;
      return chunk.status();
    }
    created.push_back(*chunk);
    spare_.NoteMade(options_.balance, options_.clock->Now());
  }
  for (const Placement placement : granting.placed) {
    if (absl::Status status = Populate(placement); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Allocator::Populate(Placement placement) {
  while (true) {
    BlockRange missing;
    {
      RankedLock index(&index_mu_);
      missing = placement.chunk->UnpopulatedIn(placement.area);
    }
    if (missing.count == 0) return absl::OkStatus();
    absl::Status status = backend_->PopulateChunk(placement.chunk->memory(), missing);
    RankedLock index(&index_mu_);
    if (!status.ok()) {
      ++index_.mutable_stats().failed_allocs;
      return status;
    }
    index_.NotePopulated(*placement.chunk, missing);
  }
}

absl::StatusOr<ChunkId> Allocator::CreateChunk() {
  std::unique_ptr<Chunk> chunk =
      Chunk::Make(ChunkKind::kDynamic, {Bytes(0), info_->unit_size}, options_.metadata);
  if (chunk == nullptr) return errors::MetadataExhausted("a chunk's area map");
  absl::StatusOr<ChunkMemory> memory = backend_->CreateChunk();
  if (!memory.ok()) return memory.status();
  if (!gives_pages_back_) chunk->MarkPopulated({0, chunk->blocks()});
  chunk->free_since = options_.clock->Now();
  RankedLock index(&index_mu_);
  const Chunk& made = index_.Insert(std::move(chunk), *memory);
  TellOf(made, /*destroyed=*/false);
  return made.id();
}

void Allocator::DestroyIfFree(ChunkId id) {
  std::unique_ptr<Chunk> removed;
  {
    RankedLock index(&index_mu_);
    Chunk* chunk = index_.Find(id);
    if (chunk == nullptr || !chunk->is_free() || chunk->pins > 0 || chunk->lease_map) return;
    TellOf(*chunk, /*destroyed=*/true);
    removed = index_.Remove(*chunk);
    reserve_blocked_ = false;
  }
  backend_->DestroyChunk(removed->memory());
}

}  // namespace percpud
