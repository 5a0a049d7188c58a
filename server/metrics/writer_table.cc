// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/writer_table.h"

#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"

namespace percpud::metrics {
namespace {

std::tuple<SessionId, NamespaceId, std::string> KeyOf(const Writer& writer) {
  return {writer.session, writer.name_space, writer.label};
}

}  // namespace

Writer& WriterTable::Add(Writer row) {
  assert(row.id != kTheDead && Find(row.name_space, row.session, row.label) == nullptr);
  const WriterId id = row.id;
  const auto [entry, is_new] = writers_.emplace(id, std::move(row));
  assert(is_new);
  Writer& writer = entry->second;
  by_session_.emplace(KeyOf(writer), id);
  if (writer.slot != kNoSlot) {
    numbered_.emplace(std::pair(writer.session, writer.name_space), id);
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
  if (writer.slot != kNoSlot) {
    slots_.erase({writer.name_space, writer.slot});
    numbered_.erase({writer.session, writer.name_space});
  }
  by_session_.erase(KeyOf(writer));
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

const Writer* WriterTable::Find(NamespaceId name_space, SessionId session,
                                absl::string_view label) const {
  const auto entry = by_session_.find({session, name_space, std::string(label)});
  return entry == by_session_.end() ? nullptr : Find(entry->second);
}

const Writer* WriterTable::FindSlot(NamespaceId name_space, SessionId session) const {
  const auto entry = numbered_.find({session, name_space});
  return entry == numbered_.end() ? nullptr : Find(entry->second);
}

bool WriterTable::HasSlot(NamespaceId name_space, std::uint32_t slot) const {
  return slots_.contains({name_space, slot});
}

std::uint32_t WriterTable::FreeSlot(NamespaceId name_space, SessionId session) const {
  auto slot = slots_.lower_bound({name_space, 0});
  for (std::uint32_t free = 0;; ++free) {
    if (slot != slots_.end() && *slot == std::pair(name_space, free)) {
      ++slot;
    } else if (Find(name_space, session, absl::StrCat(free)) == nullptr) {
      return free;
    }
  }
}

std::vector<WriterId> WriterTable::ListOf(SessionId session) const {
  std::vector<WriterId> out;
  for (auto entry = by_session_.lower_bound({session, NamespaceId(0), ""});
       entry != by_session_.end() && std::get<SessionId>(entry->first) == session; ++entry) {
    out.push_back(entry->second);
  }
  return out;
}

std::size_t WriterTable::CountOf(SessionId session) const { return ListOf(session).size(); }

}  // namespace percpud::metrics
