// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_AREA_LEDGER_H_
#define PERCPUD_SERVER_SESSION_AREA_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "server/base/units.h"
#include "server/session/access/quota.h"
#include "server/session/holders.h"
#include "server/session/row_state.h"

namespace percpud {

// One area that a holder owns.
struct OwnedArea {
  HolderId holder = kNoHolder;
  // Bytes of one unit, rounded up to granules.
  Bytes size;
  std::uint8_t tag_length = 0;
  RowState state = RowState::kSettled;

  // What it is charged as.
  [[nodiscard]] Usage usage() const;
};

// What the catalog needs for an area with a tag of that length.
Bytes RecordBytesOfArea(std::size_t tag_length);

// Which areas are whose. A variable's area is in no ledger: it is nobody's.
// Not thread safe: the books' lock guards it.
class AreaLedger {
 public:
  // `holders` outlives the ledger.
  explicit AreaLedger(Holders& holders) : holders_(holders) {}
  AreaLedger(const AreaLedger&) = delete;
  AreaLedger& operator=(const AreaLedger&) = delete;

  // Enters a granted area. Its holder is charged already.
  // REQUIRES: the holder is there, the area is not.
  void Enter(PercpuPtr pointer, const OwnedArea& area);
  // Takes an area out and refunds its holder. REQUIRES: it is there.
  OwnedArea Withdraw(PercpuPtr pointer);
  // Makes it another holder's. The accounts follow by Holders::Transfer.
  // REQUIRES: the area and both holders are there.
  void Move(PercpuPtr pointer, HolderId to);
  // REQUIRES: every area is there.
  void SetState(std::span<const PercpuPtr> pointers, RowState state);
  void reserve(std::size_t areas) { areas_.reserve(areas); }

  // Null if it is nobody's.
  [[nodiscard]] const OwnedArea* Find(PercpuPtr pointer) const;
  // Whether no transaction is changing any of them.
  [[nodiscard]] bool AreSettled(std::span<const PercpuPtr> pointers) const;
  [[nodiscard]] std::size_t size() const { return areas_.size(); }

 private:
  Holders& holders_;
  absl::flat_hash_map<PercpuPtr, OwnedArea> areas_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_AREA_LEDGER_H_
