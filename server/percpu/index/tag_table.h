// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_TAG_TABLE_H_
#define PERCPUD_SERVER_PERCPU_INDEX_TAG_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include "absl/strings/string_view.h"

#include "absl/container/flat_hash_map.h"
#include "server/base/limits.h"
#include "server/base/units.h"

namespace percpud {

using TagId = Id<struct TagIdTag, std::uint32_t>;
// The tag of an untagged area.
inline constexpr TagId kNoTag{0};

// Tags as small numbers, each kept as long as an area bears it, so that a
// million areas of one tag cost one string. Guarded by the index lock.
class TagTable {
 public:
  // The id of `tag` (kNoTag if it is empty) with `uses` more uses; nullopt if
  // kMaxTags different tags are in use.
  std::optional<TagId> Acquire(absl::string_view tag, std::uint64_t uses) {
    return tag.empty() || uses == 0 ? kNoTag : Enter(tag, uses);
  }
  // REQUIRES: that many uses were acquired.
  void Release(TagId id, std::uint64_t uses);
  // Valid until the last use is released.
  [[nodiscard]] absl::string_view Name(TagId id) const;
  [[nodiscard]] std::size_t size() const { return ids_.size(); }

 private:
  std::optional<TagId> Enter(absl::string_view tag, std::uint64_t uses);

  struct Entry {
    std::string name;
    std::uint64_t uses = 0;
  };
  absl::flat_hash_map<std::string, TagId> ids_;
  // Indexed by id; entry 0 is kNoTag.
  std::vector<Entry> entries_{1};
  std::vector<TagId> unused_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_TAG_TABLE_H_
