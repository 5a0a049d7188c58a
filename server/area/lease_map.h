// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The map of a leased chunk, as proto/percpud/abi/v1/lease_map.h lays it out:
// which areas of the chunk live. The state bytes are the whole truth; an
// AreaMap of the same chunk is made from them, and is private to who made it.

#ifndef PERCPUD_SERVER_AREA_LEASE_MAP_H_
#define PERCPUD_SERVER_AREA_LEASE_MAP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/percpud/abi/v1/lease_map.h"
#include "server/area/area_map.h"
#include "server/base/units.h"

namespace percpud {

// A view over storage that the caller owns and that must outlive it; aligned to
// 8 bytes. Shared by the daemon, which looks at copies only, and the SDK. Never
// allocates, never blocks. Single stores to state bytes are atomic; everything
// else needs one thread at a time.
class LeaseMap {
 public:
  using Header = abi::v1::LeaseMapHeader;

  enum class Use : std::uint8_t { kLive, kCached, kRemotelyFreed };
  struct Entry {
    AreaSpan area;
    Use use;
  };

  // Bytes of storage that the map of a unit of `size` needs.
  static std::size_t StorageBytes(Granules size);

  // An empty handle; only assignment is allowed.
  LeaseMap() = default;
  // Views `storage` without looking at it. REQUIRES: StorageBytes(size) bytes,
  // formatted or validated for `size`.
  LeaseMap(std::span<std::byte> storage, Granules size);
  // Makes storage the map of an empty chunk, in use by its first holder.
  static LeaseMap Format(std::span<std::byte> storage, Granules size);
  // The view of a map that another wrote. Validates first, so `copy` must be
  // memory that no one else writes. Errors: as Validate.
  static absl::StatusOr<LeaseMap> Attach(std::span<std::byte> copy, Granules size);
  // DATA_LOSS names the first thing wrong; FAILED_PRECONDITION is a map that is
  // none, or of another version or size. `size` comes from the lease's record,
  // never from the map. Bounded, and safe on memory that an enemy wrote, as
  // long as it holds still: copy, then validate the copy.
  static absl::Status Validate(std::span<const std::byte> copy, Granules size);

  // Frees every area that is not live, and all digits that belong to none.
  // REQUIRES: a validated map.
  void Recover();
  // Takes every area of the map in `areas`. REQUIRES: `areas` is fresh and of
  // this size, and this map is validated.
  void TakeAll(AreaMap& areas) const;

  // The first area at or after `at`, live or not. REQUIRES: `at` is not inside
  // an area, the map is validated.
  [[nodiscard]] std::optional<Entry> Next(Granules at) const;
  // Calls visit(area) for each live area, in order. REQUIRES: a validated map.
  template <typename Visit>
  void ForEachLive(Visit visit) const {
    for (auto entry = Next(Granules(0)); entry; entry = Next(entry->area.end())) {
      if (entry->use == Use::kLive) visit(entry->area);
    }
  }
  // The area that covers `at`, live or not: walks back to its start.
  [[nodiscard]] std::optional<Entry> EntryAt(Granules at) const;

  // One large area becomes live, or free. REQUIRES: room; it is that area.
  void SetLarge(AreaSpan area);
  void ClearLarge(Granules at);

  // The state byte of a granule; other threads may change it.
  [[nodiscard]] std::atomic_ref<std::uint8_t> StateAt(std::uint32_t granule) const {
    return std::atomic_ref<std::uint8_t>(states_[granule]);
  }

  // Returns the size of the live area that begins at `at`; nullopt if its state
  // byte begins no area, or one that leaves the unit.
  [[nodiscard]] std::optional<Granules> SizeOf(Granules at) const;

  [[nodiscard]] Header& header() const { return *header_; }
  [[nodiscard]] Granules size() const { return size_; }

 private:
  Header* header_ = nullptr;
  std::uint8_t* states_ = nullptr;
  Granules size_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_AREA_LEASE_MAP_H_
