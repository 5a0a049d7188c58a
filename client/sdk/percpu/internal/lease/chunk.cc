// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/lease/chunk.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/limits.h"

namespace percpu::lease {
namespace {

using percpud::Granules;
using percpud::LeaseMap;

constexpr std::uint8_t kLarge = percpud::abi::v1::kLeaseLarge;
constexpr std::uint8_t kRemote = percpud::abi::v1::kLeaseRemote;

Granules UnitGranules(const LeasedChunk& lease) {
  return percpud::ToGranules(percpud::Bytes(lease.usable_bytes));
}

}  // namespace

absl::Status Chunk::Check(const LeasedChunk& lease) {
  const auto wrong = [&lease](absl::string_view what) {
    return absl::InternalError(absl::StrCat("lease of chunk ", Value(lease.id), ": ", what));
  };
  const std::uint64_t base = Value(lease.base);
  if (base == 0 || base % percpud::kBasePageSize.value() != 0 || lease.unit0 == nullptr) {
    return wrong("unit 0 begins on no page");
  }
  if (lease.usable_bytes == 0 || lease.usable_bytes % kGranule != 0 ||
      lease.usable_bytes > percpud::kMaxUnitSize.value() ||
      base + lease.usable_bytes > percpud::kMaxArenaSize.value()) {
    return wrong("its units have an impossible size");
  }
  if (lease.unit_offsets.empty() || lease.unit_offsets[0] != 0) {
    return wrong("unit 0 is not the first of its units");
  }
  if (lease.map.size() < LeaseMap::StorageBytes(UnitGranules(lease)) ||
      reinterpret_cast<std::uintptr_t>(lease.map.data()) % percpud::abi::v1::kLeaseMapAlign != 0) {
    return wrong("its map is too small or not aligned");
  }
  return absl::OkStatus();
}

void Chunk::Bind(const LeasedChunk& lease) {
  assert(Check(lease).ok());
  assert(granules_ == 0 && owner.load(std::memory_order_relaxed) == nullptr);
  const Granules size = UnitGranules(lease);
  lease_ = lease;
  base_ = Value(lease.base);
  granules_ = size.value();
  states_ = reinterpret_cast<std::uint8_t*>(lease.map.data()) + sizeof(LeaseMap::Header);
  unit0_ = lease.unit0;
  unit_offsets_ = lease.unit_offsets;
  area_words_.assign(percpud::AreaMap::StorageWords(size), 0);
  areas_ = percpud::AreaMap::Format(area_words_, size);
  links_.emplace(size.value());
  remote_.store(0, std::memory_order_relaxed);
}

void Chunk::Open(const LeasedChunk& lease) {
  Bind(lease);
  map_ = LeaseMap::Format(lease.map, UnitGranules(lease));
  is_kept_ = false;
  used_end_ = 0;
}

void Chunk::OpenKept(const LeasedChunk& lease) {
  Bind(lease);
  map_ = LeaseMap(lease.map, UnitGranules(lease));
  map_.TakeAll(areas_);
  is_kept_ = true;
  used_end_ = static_cast<std::uint32_t>(granules_);
}

void Chunk::Close() {
  assert(granules_ != 0);
  area_words_ = {};
  links_.reset();
  lease_ = {};
  base_ = 0;
  granules_ = 0;
  states_ = nullptr;
  unit0_ = nullptr;
  unit_offsets_ = {};
}

void Chunk::Zero(std::uint32_t granule, std::uint32_t bytes) const {
  assert(std::uint64_t{granule} * kGranule + bytes <= lease_.usable_bytes);
  if (bytes <= kShort) return ZeroShort(granule, bytes);
  std::byte* const at = lease_.unit0 + std::size_t{granule} * kGranule;
  for (const std::uint64_t offset : lease_.unit_offsets) std::memset(at + offset, 0, bytes);
}

// --- The owner's -------------------------------------------------------------

std::optional<std::uint32_t> Chunk::Carve(std::uint32_t granules, std::uint32_t align) {
  assert(granules > 0 && std::has_single_bit(align));
  const std::optional<Granules> at = areas_.Find(Granules(granules), Granules(align));
  if (!at) return std::nullopt;
  areas_.Take({*at, Granules(granules)});
  used_end_ = std::max(used_end_, at->value() + granules);
  return at->value();
}

std::optional<std::uint32_t> Chunk::TakeLarge(std::uint32_t granules, std::uint32_t align,
                                              bool zeroed) {
  const std::uint32_t dirty_end = used_end_;
  const std::optional<std::uint32_t> at = Carve(granules, align);
  if (!at) return std::nullopt;
  if (zeroed && *at < dirty_end) Zero(*at, (std::min(*at + granules, dirty_end) - *at) * kGranule);
  map_.SetLarge({Granules(*at), Granules(granules)});
  return at;
}

bool Chunk::Release(std::uint32_t granule) {
  assert(granule < granules_);
  const Granules at(granule);
  const std::optional<Granules> size = map_.SizeOf(at);
  if (!size || !areas_.IsStart(at) || areas_.AreaFrom(at).size != *size) return false;
  if (size->value() * kGranule > kLargestSmall) {
    map_.ClearLarge(at);
  } else {
    map_.StateAt(granule).store(percpud::abi::v1::kLeaseFree, std::memory_order_release);
  }
  areas_.Release({at, *size});
  return true;
}

// --- Any thread's ------------------------------------------------------------

absl::Status Chunk::FreeRemotely(Pointer pointer) {
  const std::uint64_t granule = GranuleOf(pointer);
  if (granule >= granules_) return Refusal(pointer);
  const std::atomic_ref<std::uint8_t> state = StateAt(granule);
  std::uint8_t byte = state.load(std::memory_order_relaxed);
  // If several threads free one area, the one that changes the byte wins.
  do {
    if (static_cast<std::uint8_t>(byte - 1) >= kLarge) return Refusal(pointer);
  } while (!state.compare_exchange_weak(byte, static_cast<std::uint8_t>(byte + kRemote),
                                        std::memory_order_acq_rel, std::memory_order_relaxed));
  std::uint32_t head = remote_.load(std::memory_order_relaxed);
  do {
    (*links_)[granule] = head;
  } while (!remote_.compare_exchange_weak(head, static_cast<std::uint32_t>(granule) + 1,
                                          std::memory_order_release, std::memory_order_relaxed));
  return absl::OkStatus();
}

absl::Status Chunk::Refusal(Pointer pointer) const {
  const percpud::PercpuPtr ptr(Value(pointer));
  const std::uint64_t bytes = Value(pointer) - base_;
  // A unit may end within a page, and the chunk table knows pages only.
  if (bytes >= granules_ * kGranule) return percpud::errors::PointerInNoChunk(ptr);
  const auto granule = static_cast<std::uint32_t>(bytes / kGranule);
  const std::optional<LeaseMap::Entry> entry = map_.EntryAt(Granules(granule));
  if (!entry || entry->use != LeaseMap::Use::kLive) {
    return percpud::errors::AreaNotLive(ptr, percpud::ChunkId(Value(lease_.id)));
  }
  return percpud::errors::PointerInsideArea(
      ptr, percpud::PercpuPtr(Value(PointerTo(entry->area.offset.value()))),
      percpud::ToBytes(entry->area.size));
}

std::optional<std::uint32_t> Chunk::UnitAt(Pointer pointer) const {
  const std::uint64_t bytes = Value(pointer) - base_;
  for (std::size_t unit = 0; unit < lease_.unit_offsets.size(); ++unit) {
    if (bytes - lease_.unit_offsets[unit] < lease_.usable_bytes) {
      return static_cast<std::uint32_t>(unit);
    }
  }
  return std::nullopt;
}

}  // namespace percpu::lease
