// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/writer_table.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace percpud::metrics {

Writer& WriterTable::Add(Writer row) {
  assert(row.id != kTheDead && Find(row.name_space, row.session, row.label) == nullptr);
  const WriterId id = row.id;
  const auto [entry, is_new] = writers_.emplace(id, std::move(row));
  assert(is_new);
  Writer& writer = entry->second;
  by_session_[writer.session].insert(id);
  by_label_[{writer.name_space, writer.label}].insert(id);
  if (writer.slot != kNoSlot) {
    [[maybe_unused]] const bool is_free = slots_.emplace(writer.name_space, writer.slot).second;
    assert(is_free);
  }
  return writer;
}

void WriterTable::Remove(WriterId id) {
  const auto entry = writers_.find(id);
  assert(entry != writers_.end() && entry->second.cells.empty());
  const Writer& writer = entry->second;
  for (const WriterBlock& block : writer.blocks) blocks_.erase(block.pointer);
  if (writer.slot != kNoSlot) slots_.erase({writer.name_space, writer.slot});
  const auto own = by_session_.find(writer.session);
  own->second.erase(id);
  if (own->second.empty()) by_session_.erase(own);
  const auto alike = by_label_.find({writer.name_space, writer.label});
  alike->second.erase(id);
  if (alike->second.empty()) by_label_.erase(alike);
  writers_.erase(entry);
}

void WriterTable::AddBlock(Writer& writer, const WriterBlock& block) {
  [[maybe_unused]] const bool is_new = blocks_.emplace(block.pointer, block.size).second;
  assert(is_new);
  writer.blocks.push_back(block);
  writer.used = 0;
}

const Writer* WriterTable::Find(WriterId id) const {
  const auto entry = writers_.find(id);
  return entry == writers_.end() ? nullptr : &entry->second;
}

Writer* WriterTable::Find(WriterId id) {
  return const_cast<Writer*>(std::as_const(*this).Find(id));
}

// A session has few writers, mostly one for each of its namespaces.
const Writer* WriterTable::Find(NamespaceId name_space, SessionId session,
                                absl::string_view label) const {
  const auto own = by_session_.find(session);
  if (own == by_session_.end()) return nullptr;
  for (const WriterId id : own->second) {
    const Writer& writer = writers_.find(id)->second;
    if (writer.name_space == name_space && writer.label == label) return &writer;
  }
  return nullptr;
}

const Writer* WriterTable::FindSlot(NamespaceId name_space, SessionId session) const {
  const auto own = by_session_.find(session);
  if (own == by_session_.end()) return nullptr;
  for (const WriterId id : own->second) {
    const Writer& writer = writers_.find(id)->second;
    if (writer.name_space == name_space && writer.slot != kNoSlot) return &writer;
  }
  return nullptr;
}

bool WriterTable::HasSlot(NamespaceId name_space, std::uint32_t slot) const {
  return slots_.contains({name_space, slot});
}

std::uint32_t WriterTable::FreeSlot(NamespaceId name_space) const {
  std::uint32_t free = 0;
  for (auto slot = slots_.lower_bound({name_space, 0}); slot != slots_.end(); ++slot, ++free) {
    if (slot->first != name_space || slot->second != free) break;
  }
  return free;
}

std::vector<WriterId> WriterTable::ListOf(SessionId session) const {
  const auto own = by_session_.find(session);
  if (own == by_session_.end()) return {};
  return {own->second.begin(), own->second.end()};
}

std::vector<WriterId> WriterTable::ListOf(NamespaceId name_space, absl::string_view label) const {
  const auto alike = by_label_.find({name_space, std::string(label)});
  if (alike == by_label_.end()) return {};
  return {alike->second.begin(), alike->second.end()};
}

std::size_t WriterTable::CountOf(SessionId session) const {
  const auto own = by_session_.find(session);
  return own == by_session_.end() ? 0 : own->second.size();
}

}  // namespace percpud::metrics
