// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_LEASE_LEDGER_H_
#define PERCPUD_SERVER_SESSION_LEASE_LEDGER_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/base/identity.h"
#include "server/base/row_state.h"
#include "server/base/units.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/quota.h"
#include "server/session/holders.h"

namespace percpud {

// One leased chunk.
struct LeaseRecord {
  LeasedChunk chunk;
  // Empty if it is not kept.
  std::string name;
  // kNoSession for a kept one between two holders.
  SessionId holder;
  // The user who may claim it while it has no holder.
  UserId maker;
  // The request that granted it to its holder: what may be answered with it again.
  RequestId granted_by = kNoRequest;
};

// What one lease is charged as: a whole unit, however little of it is in use.
Usage UsageOfLease(Bytes unit_size);

// Which chunks are leased to whom. A kept lease that no session holds belongs to
// its maker's identity, and stays charged to it.
// Not thread safe: the books' lock guards it.
class LeaseLedger {
 public:
  // `holders` outlives the ledger.
  explicit LeaseLedger(Holders& holders) : holders_(holders) {}
  LeaseLedger(const LeaseLedger&) = delete;
  LeaseLedger& operator=(const LeaseLedger&) = delete;

  // Enters a lease. Who has it is charged already: its holder, or its maker.
  // REQUIRES: that one is there; no other lease has the chunk or the name.
  void Enter(const LeaseRecord& lease, RowState state);
  // Takes it out and refunds who has it. REQUIRES: it is there.
  LeaseRecord Withdraw(ChunkId chunk);
  // Gives it to a session, or with kNoSession to its maker. The accounts follow by
  // Holders::Transfer. REQUIRES: the lease and the taker are there.
  void Move(ChunkId chunk, SessionId to, RequestId granted_by);
  // REQUIRES: it is there.
  void SetState(ChunkId chunk, RowState state);

  // Null if there is none.
  [[nodiscard]] const LeaseRecord* Find(ChunkId chunk) const;
  // The kept lease of that name; null if there is none.
  [[nodiscard]] const LeaseRecord* FindKept(absl::string_view name) const;
  // The lease of the chunk that starts there; null if there is none.
  [[nodiscard]] const LeaseRecord* At(PercpuPtr base) const;
  // Whether no transaction is changing it.
  [[nodiscard]] bool IsSettled(ChunkId chunk) const;
  [[nodiscard]] bool IsNameSettled(absl::string_view name) const;
  // Settled ones by ascending chunk, from `first` on, `limit` at most.
  [[nodiscard]] std::vector<LeaseRecord> List(ChunkId first, std::size_t limit) const;
  // Who is charged for it, and so may use it.
  [[nodiscard]] HolderId OwnerOf(const LeaseRecord& lease) const;

 private:
  struct Row {
    LeaseRecord lease;
    RowState state = RowState::kSettled;
  };

  Holders& holders_;
  std::map<ChunkId, Row> by_chunk_;
  absl::flat_hash_map<PercpuPtr, ChunkId> by_base_;
  absl::flat_hash_map<std::string, ChunkId> by_name_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_LEASE_LEDGER_H_
