// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_CHUNK_STATE_H_
#define PERCPUD_SERVER_PERCPU_INDEX_CHUNK_STATE_H_

#include <cassert>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/area/area_map.h"
#include "server/base/clock.h"
#include "server/base/units.h"
#include "server/percpu/index/fit_index.h"
#include "server/percpu/index/tag_table.h"

namespace percpud {

// What index and allocator keep of a chunk beside its map: whether it is searched, who
// uses it, which of its areas wait to be cleared, and tags.
//
// Guarded by the index lock.
class ChunkState {
 public:
  // --- Searching ---------------------------------------------------------------
  // Where the chunk is searched; null while it is not.
  [[nodiscard]] FitIndex* search() const { return search_; }
  void set_search(FitIndex* search) { search_ = search; }
  // True while the chunk is cleaned, depopulated or destroyed: it is not searched then.
  [[nodiscard]] bool is_withdrawn() const { return is_withdrawn_; }
  void set_withdrawn(bool withdrawn) {
    assert(is_withdrawn_ != withdrawn);
    is_withdrawn_ = withdrawn;
  }
  // True if the chunk is searched only when no other has room, so that it drains further:
  // its empty pages are given back, and are no reserve.
  [[nodiscard]] bool is_sidelined() const { return is_sidelined_; }
  void set_sidelined(bool sidelined) {
    assert(is_sidelined_ != sidelined);
    is_sidelined_ = sidelined;
  }
  // Where the client's map lies in the arena while the chunk is leased. The chunk is not
  // searched then, and its area map knows every granule as free.
  [[nodiscard]] const std::optional<Bytes>& lease_map() const { return lease_map_; }
  void set_lease_map(std::optional<Bytes> map) {
    assert(lease_map_.has_value() != map.has_value());
    lease_map_ = map;
  }

  // --- Pins: the chunk is not destroyed while it has one ---------------------------
  [[nodiscard]] std::uint32_t pins() const { return pins_; }
  void Pin() { ++pins_; }
  void Unpin() {
    assert(pins_ > 0);
    --pins_;
  }

  // --- Pending areas: freed, and held until they have been cleared -----------------
  [[nodiscard]] const std::vector<AreaSpan>& pending() const { return pending_; }
  [[nodiscard]] Granules pending_size() const { return pending_size_; }
  void AddPending(AreaSpan area, std::size_t expected) {
    if (pending_.empty()) pending_.reserve(expected);
    pending_.push_back(area);
    pending_size_ += area.size;
  }
  std::vector<AreaSpan> TakePending() {
    pending_size_ = Granules(0);
    return std::exchange(pending_, {});
  }

  // --- Tags --------------------------------------------------------------------
  using Tags = absl::flat_hash_map<Granules::Rep, TagId>;
  // The tags of the areas that have one, by offset.
  [[nodiscard]] const Tags& tags() const { return tags_; }
  void SetTag(Granules at, TagId tag) {
    assert(tag != kNoTag);
    tags_.emplace(at.value(), tag);
  }
  // The tag of the area that begins there, or kNoTag.
  [[nodiscard]] TagId TagAt(Granules at) const {
    const auto tag = tags_.find(at.value());
    return tag == tags_.end() ? kNoTag : tag->second;
  }
  void DropTag(Granules at) { tags_.erase(at.value()); }

  // --- For policy and display --------------------------------------------------
  [[nodiscard]] BootTime free_since() const { return free_since_; }
  void set_free_since(BootTime time) { free_since_ = time; }
  // The largest area that ever was.
  [[nodiscard]] Granules max_area() const { return max_area_; }
  // A store only where the area is larger, which it seldom is.
  void NoteArea(Granules size) {
    if (size > max_area_) [[unlikely]]
      max_area_ = size;
  }

 private:
  FitIndex* search_ = nullptr;
  std::uint32_t pins_ = 0;
  bool is_withdrawn_ = false;
  bool is_sidelined_ = false;
  std::optional<Bytes> lease_map_;
  BootTime free_since_ = BootTime::InfinitePast();
  Granules max_area_;
  std::vector<AreaSpan> pending_;
  Granules pending_size_;
  Tags tags_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_CHUNK_STATE_H_
