// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_AREA_LEDGER_H_
#define PERCPUD_SERVER_SESSION_AREA_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "server/base/row_state.h"
#include "server/base/units.h"
#include "server/session/access/quota.h"
#include "server/session/holders.h"

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
constexpr Bytes RecordBytesOfArea(std::size_t tag_length) {
  // Key, value and what a B-tree's node and its share of the page add.
  constexpr std::size_t kFixed = 64;
  return Bytes(kFixed + tag_length);
}

inline Usage OwnedArea::usage() const {
  return {.bytes = size, .areas = 1, .leases = 0, .records = RecordBytesOfArea(tag_length)};
}

// Which areas are whose. A variable's area is in no ledger: it is nobody's.
// Not thread safe: the books' lock guards it.
class AreaLedger {
 public:
  // `holders` outlives the ledger.
  explicit AreaLedger(Holders& holders) : holders_(holders) {}
  AreaLedger(const AreaLedger&) = delete;
  AreaLedger& operator=(const AreaLedger&) = delete;

  // Enters granted areas of one holder, who is charged already.
  // REQUIRES: the holder is there, the areas are not; there is at least one.
  void Enter(std::span<const PercpuPtr> pointers, std::span<const OwnedArea> areas);
  // Takes areas out and refunds their holders. REQUIRES: each is there, once.
  void Withdraw(std::span<const PercpuPtr> pointers);
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
