// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/lease_ledger.h"

#include <cassert>
#include <utility>

namespace percpud {

Usage UsageOfLease(Bytes unit_size) {
  constexpr Bytes kRecord{256};
  return {.bytes = unit_size, .areas = 0, .leases = 1, .records = kRecord};
}

HolderId LeaseLedger::OwnerOf(const LeaseRecord& lease) const {
  if (lease.holder != kNoSession) return HolderOf(lease.holder);
  const auto row = holders_.identities().find(Identity{.uid = lease.maker, .host = {}});
  return row == holders_.identities().end() ? kNoHolder : row->second.own;
}

void LeaseLedger::Enter(const LeaseRecord& lease, RowState state) {
  const ChunkId chunk = lease.chunk.id;
  Holder* const holder = holders_.Find(OwnerOf(lease));
  assert(holder != nullptr);
  [[maybe_unused]] const bool is_new =
      by_chunk_.emplace(chunk, Row{.lease = lease, .state = state}).second;
  assert(is_new);
  by_base_.emplace(lease.chunk.base, chunk);
  if (!lease.name.empty()) {
    [[maybe_unused]] const bool is_new_name = by_name_.emplace(lease.name, chunk).second;
    assert(is_new_name);
  }
  holder->leases.insert(chunk);
  ++holder->version;
}

LeaseRecord LeaseLedger::Withdraw(ChunkId chunk) {
  const auto row = by_chunk_.find(chunk);
  assert(row != by_chunk_.end());
  LeaseRecord lease = std::move(row->second.lease);
  by_chunk_.erase(row);
  by_base_.erase(lease.chunk.base);
  if (!lease.name.empty()) by_name_.erase(lease.name);
  const HolderId owner = OwnerOf(lease);
  Holder* const holder = holders_.Find(owner);
  assert(holder != nullptr);
  holder->leases.erase(chunk);
  ++holder->version;
  holders_.Refund(owner, UsageOfLease(lease.chunk.unit_size));
  return lease;
}

void LeaseLedger::Move(ChunkId chunk, SessionId to, RequestId granted_by) {
  const auto row = by_chunk_.find(chunk);
  assert(row != by_chunk_.end());
  LeaseRecord& lease = row->second.lease;
  Holder* const giver = holders_.Find(OwnerOf(lease));
  assert(giver != nullptr);
  giver->leases.erase(chunk);
  ++giver->version;
  lease.holder = to;
  lease.granted_by = granted_by;
  Holder* const taker = holders_.Find(OwnerOf(lease));
  assert(taker != nullptr);
  taker->leases.insert(chunk);
  ++taker->version;
}

void LeaseLedger::SetState(ChunkId chunk, RowState state) {
  const auto row = by_chunk_.find(chunk);
  assert(row != by_chunk_.end());
  row->second.state = state;
}

const LeaseRecord* LeaseLedger::Find(ChunkId chunk) const {
  const auto row = by_chunk_.find(chunk);
  return row == by_chunk_.end() ? nullptr : &row->second.lease;
}

const LeaseRecord* LeaseLedger::FindKept(absl::string_view name) const {
  const auto chunk = by_name_.find(name);
  return chunk == by_name_.end() ? nullptr : Find(chunk->second);
}

const LeaseRecord* LeaseLedger::At(PercpuPtr base) const {
  const auto chunk = by_base_.find(base);
  return chunk == by_base_.end() ? nullptr : Find(chunk->second);
}

bool LeaseLedger::IsSettled(ChunkId chunk) const {
  const auto row = by_chunk_.find(chunk);
  return row == by_chunk_.end() || row->second.state == RowState::kSettled;
}

bool LeaseLedger::IsNameSettled(absl::string_view name) const {
  const auto chunk = by_name_.find(name);
  return chunk == by_name_.end() || IsSettled(chunk->second);
}

std::vector<LeaseRecord> LeaseLedger::List(ChunkId first, std::size_t limit) const {
  std::vector<LeaseRecord> out;
  for (auto row = by_chunk_.lower_bound(first); row != by_chunk_.end() && out.size() < limit;
       ++row) {
    if (row->second.state != RowState::kEntered) out.push_back(row->second.lease);
  }
  return out;
}

}  // namespace percpud
