// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/area_ledger.h"

#include <algorithm>
#include <cassert>

namespace percpud {

Bytes RecordBytesOfArea(std::size_t tag_length) {
  // Key, value and what a B-tree's node and its share of the page add.
  constexpr std::size_t kFixed = 64;
  return Bytes(kFixed + tag_length);
}

Usage OwnedArea::usage() const {
  return {.bytes = size, .areas = 1, .leases = 0, .records = RecordBytesOfArea(tag_length)};
}

void AreaLedger::Enter(PercpuPtr pointer, const OwnedArea& area) {
  Holder* const holder = holders_.Find(area.holder);
  assert(holder != nullptr);
  [[maybe_unused]] const bool is_new = areas_.emplace(pointer, area).second;
  assert(is_new);
  holder->areas.insert(pointer);
  ++holder->version;
}

OwnedArea AreaLedger::Withdraw(PercpuPtr pointer) {
  const auto entry = areas_.find(pointer);
  assert(entry != areas_.end());
  const OwnedArea area = entry->second;
  areas_.erase(entry);
  Holder* const holder = holders_.Find(area.holder);
  assert(holder != nullptr);
  holder->areas.erase(pointer);
  ++holder->version;
  holders_.Refund(area.holder, area.usage());
  return area;
}

void AreaLedger::Move(PercpuPtr pointer, HolderId to) {
  const auto entry = areas_.find(pointer);
  assert(entry != areas_.end());
  OwnedArea& area = entry->second;
  Holder* const giver = holders_.Find(area.holder);
  Holder* const taker = holders_.Find(to);
  assert(giver != nullptr && taker != nullptr);
  giver->areas.erase(pointer);
  taker->areas.insert(pointer);
  ++giver->version;
  ++taker->version;
  area.holder = to;
}

void AreaLedger::SetState(std::span<const PercpuPtr> pointers, RowState state) {
  for (const PercpuPtr pointer : pointers) {
    const auto entry = areas_.find(pointer);
    assert(entry != areas_.end());
    entry->second.state = state;
  }
}

const OwnedArea* AreaLedger::Find(PercpuPtr pointer) const {
  const auto entry = areas_.find(pointer);
  return entry == areas_.end() ? nullptr : &entry->second;
}

bool AreaLedger::AreSettled(std::span<const PercpuPtr> pointers) const {
  return std::all_of(pointers.begin(), pointers.end(), [this](PercpuPtr pointer) {
    const OwnedArea* const area = Find(pointer);
    return area == nullptr || area->state == RowState::kSettled;
  });
}

}  // namespace percpud
