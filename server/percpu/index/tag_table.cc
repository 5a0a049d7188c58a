// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/tag_table.h"

#include <cassert>
#include <optional>
#include <string>
#include "absl/strings/string_view.h"

namespace percpud {

std::optional<TagId> TagTable::Enter(absl::string_view tag, std::uint64_t uses) {
  if (const auto found = ids_.find(tag); found != ids_.end()) {
    entries_[found->second.value()].uses += uses;
    return found->second;
  }
  if (ids_.size() == kMaxTags) return std::nullopt;
  if (unused_.empty()) {
    unused_.push_back(TagId(entries_.size()));
    entries_.emplace_back();
  }
  const TagId id = unused_.back();
  unused_.pop_back();
  entries_[id.value()] = {.name = std::string(tag), .uses = uses};
  ids_.emplace(tag, id);
  return id;
}

void TagTable::Release(TagId id, std::uint64_t uses) {
  if (id == kNoTag) return;
  Entry& entry = entries_[id.value()];
  assert(entry.uses >= uses);
  entry.uses -= uses;
  if (entry.uses > 0) return;
  ids_.erase(entry.name);
  entry.name.clear();
  unused_.push_back(id);
}

absl::string_view TagTable::Name(TagId id) const { return entries_[id.value()].name; }

}  // namespace percpud
