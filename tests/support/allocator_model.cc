// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/allocator_model.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/percpu/introspect/inspector.h"

namespace percpud::testing {
namespace {

std::uint64_t Rounded(Bytes size) { return RoundUp(size, kGranuleSize).value(); }
std::uint64_t Aligned(Bytes alignment) { return std::max(alignment, kMinAlign).value(); }

}  // namespace

AllocatorModel::AllocatorModel(Allocator& allocator, const Mix& mix, std::uint64_t seed,
                               bool canaries)
    : allocator_(allocator), mix_(mix), canaries_(canaries), random_(seed) {
  ForgetDeadChunks();
}

absl::Status AllocatorModel::Fail(const std::string& what) const {
  return absl::InternalError(absl::StrCat("operation ", operations_, ": ", what));
}

absl::Status AllocatorModel::Step() {
  const int dice = static_cast<int>(random_() % 100);
  if (dice < mix_.bad_free) return RandomBadFree();
  if (dice < mix_.bad_free + mix_.balance) return Balance();
  const bool wants_alloc = static_cast<int>(random_() % 100) < mix_.alloc;
  if (live_.empty() || (wants_alloc && live_.size() < mix_.most_live)) return RandomAlloc();
  return Free(random_() % live_.size());
}

absl::Status AllocatorModel::Balance() {
  ++operations_;
  allocator_.Balance();
  ForgetDeadChunks();
  return absl::OkStatus();
}

IntervalModel& AllocatorModel::ModelOf(ChunkId chunk) {
  const auto found = chunks_.find(chunk);
  if (found != chunks_.end()) return found->second;
  const ChunkSnapshot snapshot = Inspector(allocator_).GetChunks(chunk, 1).front();
  return chunks_.try_emplace(chunk, snapshot.begin_offset.value(), snapshot.end_offset.value())
      .first->second;
}

// Follows chunks that the allocator created or destroyed by itself.
void AllocatorModel::ForgetDeadChunks() {
  std::map<ChunkId, IntervalModel> alive;
  for (const ChunkSnapshot& chunk : Inspector(allocator_).GetChunks(ChunkId(0), SIZE_MAX)) {
    if (!IsLeased(chunk.id)) alive.insert({chunk.id, std::move(ModelOf(chunk.id))});
  }
  chunks_ = std::move(alive);
}

absl::Status AllocatorModel::RandomAlloc() {
  const auto percent = [&](int share) { return static_cast<int>(random_() % 100) < share; };
  AllocOptions options;
  options.no_grow = percent(mix_.no_grow);
  options.region = percent(mix_.reserved) ? Region::kReserved : Region::kDynamic;
  std::vector<AreaSpec> specs(percent(mix_.batched) ? 1 + random_() % 40 : 1);
  for (AreaSpec& spec : specs) {
    // Log-uniform: as many small sizes as large ones.
    spec.size = Bytes(1 + random_() % (std::uint64_t{1} << (random_() % 13)));
    spec.size = Bytes(std::min(1 + random_() % mix_.largest.value(), spec.size.value() * 2));
    const auto alignments = std::bit_width(allocator_.info().max_alignment().value());
    spec.alignment =
        Bytes(percent(mix_.aligned) ? std::uint64_t{1} << (random_() % alignments) : 8);
  }
  return Alloc(specs, options);
}

absl::Status AllocatorModel::Alloc(std::span<const AreaSpec> specs, const AllocOptions& options) {
  ++operations_;
  const Stats before = Inspector(allocator_).GetStats();
  std::vector<PercpuPtr> pointers(specs.size());
  const absl::Status status = allocator_.AllocBatch(specs, options, pointers);
  if (!status.ok()) return Refused(specs, options, status, before);
  return AllGranted(specs, options, pointers, before.chunks_created);
}

absl::Status AllocatorModel::AllocFailing(std::span<const AreaSpec> specs,
                                          const AllocOptions& options) {
  ++operations_;
  const Stats before = Inspector(allocator_).GetStats();
  std::vector<PercpuPtr> pointers(specs.size());
  if (!allocator_.AllocBatch(specs, options, pointers).ok()) return CheckNoTrace(before);
  return AllGranted(specs, options, pointers, before.chunks_created);
}

absl::Status AllocatorModel::AllGranted(std::span<const AreaSpec> specs,
                                        const AllocOptions& options,
                                        std::span<const PercpuPtr> pointers,
                                        std::uint64_t created_before) {
  if (absl::Status grown = CheckGrowth(specs, created_before); !grown.ok()) return grown;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (absl::Status ok = Granted(specs[i], options, pointers[i]); !ok.ok()) return ok;
  }
  return absl::OkStatus();
}

// Run before the new areas enter the model: a single request must have had no
// room anywhere; a batch must at least have needed the room.
absl::Status AllocatorModel::CheckGrowth(std::span<const AreaSpec> specs,
                                         std::uint64_t created_before) {
  if (Inspector(allocator_).GetStats().chunks_created == created_before) return absl::OkStatus();
  ++growths_;
  if (specs.size() > 1) return absl::OkStatus();
  for (const auto& [id, model] : chunks_) {
    if (id == Index::kReservedId) continue;
    if (model.Fits(Rounded(specs[0].size), Aligned(specs[0].alignment))) {
      return Fail(absl::StrCat("grew for ", specs[0].size.value(), " bytes though chunk ",
                               id.value(), " has room"));
    }
  }
  return absl::OkStatus();
}

absl::Status AllocatorModel::Granted(const AreaSpec& spec, const AllocOptions& options,
                                     PercpuPtr pointer) {
  const absl::StatusOr<Resolution> owner = Inspector(allocator_).Resolve(pointer);
  if (!owner.ok()) return Fail(owner.status().ToString());
  const Area area{.pointer = pointer,
                  .chunk = owner->chunk,
                  .offset = owner->area.offset,
                  .size = owner->area.size,
                  .mark = static_cast<std::uint8_t>(1 + random_() % 255)};
  if (owner->owner != Resolution::Owner::kArea || owner->area.pointer != pointer ||
      area.size.value() != Rounded(spec.size)) {
    return Fail("a granted pointer does not resolve to its area");
  }
  if (area.offset.value() % Aligned(spec.alignment) != 0) return Fail("misaligned");
  if ((options.region == Region::kReserved) != (area.chunk == Index::kReservedId)) {
    return Fail("in the wrong region");
  }
  if (!ModelOf(area.chunk).Take(area.offset.value(), area.size.value())) {
    return Fail("overlaps a live area or leaves its chunk");
  }
  live_.push_back(area);
  return canaries_ ? Paint(area) : absl::OkStatus();
}

absl::Status AllocatorModel::Refused(std::span<const AreaSpec> specs, const AllocOptions& options,
                                     const absl::Status& status, const Stats& before) {
  if (!absl::IsResourceExhausted(status)) return Fail(status.ToString());
  if (absl::Status traced = CheckNoTrace(before); !traced.ok()) return traced;
  const Stats now = Inspector(allocator_).GetStats();
  // What was kept of freed areas was made room of, to see whether that is enough.
  if (now.populated_pages != before.populated_pages ||
      now.empty_pop_pages < before.empty_pop_pages) {
    return Fail("a refused allocation left pages populated");
  }
  if (specs.size() > 1) return absl::OkStatus();
  for (const auto& [id, model] : chunks_) {
    const bool eligible = (options.region == Region::kReserved) == (id == Index::kReservedId);
    if (eligible && HasRoom(id, model, specs[0], options)) {
      return Fail(
          absl::StrCat("refused though chunk ", id.value(), " has room: ", status.message()));
    }
  }
  return absl::OkStatus();
}

// Whether the chunk has room that such a request may use: a block without memory
// holds no area, and is no room for who may not grow.
bool AllocatorModel::HasRoom(ChunkId id, const IntervalModel& model, const AreaSpec& spec,
                             const AllocOptions& options) const {
  const std::uint64_t size = Rounded(spec.size);
  const std::uint64_t align = Aligned(spec.alignment);
  const Stats stats = Inspector(allocator_).GetStats();
  const Pages all = Inspector(allocator_).footprint().pages_per_chunk * stats.nr_chunks;
  if (!options.no_grow || stats.populated_pages == all) return model.Fits(size, align);
  IntervalModel backed = model;
  const absl::StatusOr<AreaMapSnapshot> map = Inspector(allocator_).GetAreaMap(id);
  for (const std::uint32_t block : map->unpopulated_blocks) {
    backed.Take(block * kBasePageSize.value(), kBasePageSize.value());
  }
  return backed.Fits(size, align);
}

absl::Status AllocatorModel::CheckNoTrace(const Stats& before) const {
  const Stats after = Inspector(allocator_).GetStats();
  if (after.nr_alloc != before.nr_alloc || after.live_bytes != before.live_bytes ||
      after.nr_chunks != before.nr_chunks) {
    return Fail("a refused allocation left a trace");
  }
  return absl::OkStatus();
}

absl::Status AllocatorModel::Free(std::size_t pick) {
  ++operations_;
  const Area area = live_[pick];
  live_[pick] = live_.back();
  live_.pop_back();
  if (canaries_) {
    if (absl::Status status = CheckMark(area); !status.ok()) return status;
  }
  const absl::StatusOr<Bytes> freed = allocator_.Free(area.pointer);
  if (!freed.ok()) return Fail(freed.status().ToString());
  if (*freed != area.size) return Fail("freed another size than was granted");
  ModelOf(area.chunk).Release(area.offset.value());
  return absl::OkStatus();
}

absl::Status AllocatorModel::FreeBatch(std::size_t first, std::size_t count, bool twice) {
  ++operations_;
  count = std::min(count, live_.size());
  if (count == 0) return absl::OkStatus();
  const auto begin =
      live_.begin() + static_cast<std::ptrdiff_t>(first % (live_.size() - count + 1));
  const std::vector<Area> batch(begin, begin + static_cast<std::ptrdiff_t>(count));
  std::vector<PercpuPtr> pointers;
  Bytes total;
  for (const Area& area : batch) {
    if (absl::Status status = canaries_ ? CheckMark(area) : absl::OkStatus(); !status.ok()) {
      return status;
    }
    pointers.push_back(area.pointer);
    total += area.size;
  }
  const Stats before = Inspector(allocator_).GetStats();
  if (twice) pointers.push_back(pointers[first % count]);
  const absl::StatusOr<Bytes> freed = allocator_.FreeBatch(pointers);
  if (twice) {
    return freed.ok() ? Fail("freed an area twice in one batch") : CheckNoTrace(before);
  }
  if (!freed.ok()) return Fail(freed.status().ToString());
  if (*freed != total) return Fail("freed another size than was granted");
  for (const Area& area : batch) ModelOf(area.chunk).Release(area.offset.value());
  live_.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  return absl::OkStatus();
}

// A pointer that is no live area's start: freed before, inside an area, in the
// static part, in another unit, or anywhere at all.
absl::Status AllocatorModel::RandomBadFree() {
  PercpuPtr pointer(random_() % (2 * allocator_.pages().size().value()));
  if (!live_.empty() && random_() % 2 == 0) {
    const Area& area = live_[random_() % live_.size()];
    pointer = Advance(area.pointer, Bytes(1 + random_() % area.size.value()));
  }
  return BadFree(pointer);
}

absl::Status AllocatorModel::BadFree(PercpuPtr pointer) {
  ++operations_;
  for (const Area& area : live_) {
    if (area.pointer == pointer) return absl::OkStatus();
  }
  const Stats before = Inspector(allocator_).GetStats();
  const absl::StatusOr<Bytes> freed = allocator_.Free(pointer);
  if (freed.ok()) return Fail(absl::StrCat("freed ", Format(pointer), ", which was not live"));
  const Stats after = Inspector(allocator_).GetStats();
  if (after.live_bytes != before.live_bytes || after.nr_dealloc != before.nr_dealloc ||
      after.refused_frees != before.refused_frees + 1) {
    return Fail("a refused free left a trace");
  }
  return absl::OkStatus();
}

bool AllocatorModel::IsLeased(ChunkId chunk) const {
  return std::any_of(leases_.begin(), leases_.end(),
                     [chunk](const LeasedChunk& lease) { return lease.id == chunk; });
}

absl::Status AllocatorModel::Lease() {
  ++operations_;
  const Stats before = Inspector(allocator_).GetStats();
  const absl::StatusOr<LeasedChunk> lease = allocator_.LeaseChunk();
  if (!lease.ok()) {
    if (!absl::IsResourceExhausted(lease.status())) return Fail(lease.status().ToString());
    return CheckNoTrace(before);
  }
  if (IsLeased(lease->id)) return Fail("a chunk is leased twice");
  for (const Area& area : live_) {
    if (area.chunk == lease->id) return Fail("a chunk is leased that has a live area");
  }
  leases_.push_back(*lease);
  ForgetDeadChunks();
  return canaries_ ? Scribble(*lease) : absl::OkStatus();
}

absl::Status AllocatorModel::ReturnLease(std::size_t pick) {
  ++operations_;
  const ChunkId chunk = leases_[pick].id;
  leases_.erase(leases_.begin() + static_cast<std::ptrdiff_t>(pick));
  if (absl::Status status = allocator_.ReturnLease(chunk); !status.ok()) {
    return Fail(status.ToString());
  }
  if (allocator_.ReturnLease(chunk).ok()) return Fail("a lease was returned twice");
  ForgetDeadChunks();
  return absl::OkStatus();
}

absl::Status AllocatorModel::Scribble(const LeasedChunk& lease) {
  const auto scribble = [this](Bytes at, Bytes size) {
    std::byte* const bytes = allocator_.pages().base() + at.value();
    const bool zero = std::all_of(bytes, bytes + size.value(),
                                  [](std::byte each) { return each == std::byte{0}; });
    std::memset(bytes, 0xa5, size.value());
    return zero;
  };
  const AllocInfo& info = allocator_.info();
  for (std::uint32_t unit = 0; unit < info.units(); ++unit) {
    if (!scribble(Bytes(lease.base.value()) + info.unit_offset[unit], lease.unit_size)) {
      return Fail(absl::StrCat("leased memory is not zero in unit ", unit));
    }
  }
  if (!scribble(lease.map_base, lease.map_size)) return Fail("a lease's map is not zero");
  return absl::OkStatus();
}

absl::Status AllocatorModel::Paint(const Area& area) {
  const auto pin = allocator_.Touch(area.pointer, area.size);
  if (!pin.ok()) return Fail(pin.status().ToString());
  for (std::uint32_t unit = 0; unit < allocator_.info().units(); ++unit) {
    std::byte* const bytes = pin->address(UnitId(unit));
    if (std::any_of(bytes, bytes + area.size.value(),
                    [](std::byte b) { return b != std::byte{0}; })) {
      return Fail(absl::StrCat("granted memory is not zero in unit ", unit));
    }
    std::memset(bytes, area.mark + static_cast<int>(unit), area.size.value());
  }
  return absl::OkStatus();
}

absl::Status AllocatorModel::CheckMark(const Area& area) const {
  const auto pin = allocator_.Touch(area.pointer, area.size);
  if (!pin.ok()) return Fail(pin.status().ToString());
  for (std::uint32_t unit = 0; unit < allocator_.info().units(); ++unit) {
    const std::byte* const bytes = pin->address(UnitId(unit));
    const auto mark = static_cast<std::byte>(area.mark + unit);
    if (std::any_of(bytes, bytes + area.size.value(), [mark](std::byte b) { return b != mark; })) {
      return Fail(absl::StrCat("a live area's bytes changed in unit ", unit));
    }
  }
  return absl::OkStatus();
}

absl::Status AllocatorModel::CheckAll() const {
  if (absl::Status status = Inspector(allocator_).CheckInvariants(); !status.ok()) return status;
  std::uint64_t live_bytes = 0;
  for (const ChunkSnapshot& chunk : Inspector(allocator_).GetChunks(ChunkId(0), SIZE_MAX)) {
    if (IsLeased(chunk.id)) continue;
    const auto map = Inspector(allocator_).GetAreaMap(chunk.id);
    const auto model = chunks_.find(chunk.id);
    if (model == chunks_.end()) {
      if (!map->areas.empty()) return Fail("areas in a chunk nobody was given");
      continue;
    }
    std::map<std::uint64_t, std::uint64_t> areas;
    for (const AreaSnapshot& area : map->areas) areas[area.offset.value()] = area.size.value();
    if (areas != model->second.taken()) return Fail("the area map differs from the model");
    if (chunk.free_bytes.value() != model->second.free() ||
        chunk.largest_run.value() != model->second.LongestGap()) {
      return Fail(absl::StrCat("chunk ", chunk.id.value(), " misjudges its free space"));
    }
    live_bytes += chunk.capacity().value() - chunk.free_bytes.value();
  }
  if (Inspector(allocator_).GetStats().live_bytes.value() != live_bytes)
    return Fail("live_bytes is wrong");
  if (!canaries_) return absl::OkStatus();
  for (const Area& area : live_) {
    if (absl::Status status = CheckMark(area); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status AllocatorModel::Drain() {
  while (!leases_.empty()) {
    if (absl::Status status = ReturnLease(0); !status.ok()) return status;
  }
  while (!live_.empty()) {
    if (absl::Status status = Free(random_() % live_.size()); !status.ok()) return status;
  }
  return CheckAll();
}

}  // namespace percpud::testing
