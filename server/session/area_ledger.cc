// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/area_ledger.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace percpud {

void AreaLedger::Enter(std::span<const PercpuPtr> pointers, std::span<const OwnedArea> areas) {
  assert(pointers.size() == areas.size() && !areas.empty());
  Holder* const holder = holders_.Find(areas.front().holder);
  assert(holder != nullptr);
  // What is granted together mostly lies in rising order, so one is looked for behind the last.
  auto behind = holder->areas.end();
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    assert(areas[i].holder == areas.front().holder);
    [[maybe_unused]] const bool is_new = areas_.emplace(pointers[i], areas[i]).second;
    assert(is_new);
    behind = std::next(holder->areas.insert(behind, pointers[i]));
  }
  ++holder->version;
}

void AreaLedger::Withdraw(std::span<const PercpuPtr> pointers) {
  HolderId id = kNoHolder;
  Holder* holder = nullptr;
  Usage leaving;
  const auto refund = [&] {
    if (holder == nullptr) return;
    ++holder->version;
    holders_.Refund(id, leaving);
  };
  for (const PercpuPtr pointer : pointers) {
    const auto entry = areas_.find(pointer);
    assert(entry != areas_.end());
    const OwnedArea& area = entry->second;
    if (area.holder != id) {
      refund();
      id = area.holder;
      holder = holders_.Find(id);
      assert(holder != nullptr);
      leaving = {};
    }
    leaving += area.usage();
    holder->areas.erase(pointer);
    areas_.erase(entry);
  }
  refund();
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
