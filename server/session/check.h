// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_CHECK_H_
#define PERCPUD_SERVER_SESSION_CHECK_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/books.h"

namespace percpud {

// Walks the books while requests come and go. The lock is held for a slice of a few
// hundred rows at most, and for one pass over holders and identities.
class BooksCheck {
 public:
  // Both outlive the object.
  BooksCheck(const Allocator& allocator, const Books& books)
      : allocator_(allocator), books_(books) {}

  // Returns how many areas are owned or named. INTERNAL names the first thing that does
  // not hold:
  // - a session's token stands for it; every area in its set is its own in the ledger;
  // - a holder is charged for what it has, or more while requests are under way;
  // - an identity is charged what its sessions and its own are, summed;
  // - the allocator has every area and lease, of the size in the books.
  [[nodiscard]] absl::StatusOr<std::uint64_t> Run() const;

 private:
  // Something the books say the allocator has granted.
  struct Claim {
    PercpuPtr pointer;
    // An area's own size; for a leased chunk, that of a unit.
    Bytes size;
    bool is_lease = false;
  };

  [[nodiscard]] absl::Status CheckTotals() const;
  // Adds up the holder's areas in `areas`.
  [[nodiscard]] absl::Status CheckHolder(HolderId id, std::uint64_t& areas) const;
  // Appends a slice of the holder's areas after `after`, and adds up what they weigh.
  // False once there are no more.
  absl::StatusOr<bool> WalkSlice(HolderId id, PercpuPtr& after, Usage& held,
                                 std::vector<Claim>& claims) const;
  [[nodiscard]] absl::Status CheckCharge(HolderId id, std::uint64_t version,
                                         const Usage& held) const;
  [[nodiscard]] absl::Status CheckVariables(std::uint64_t& areas) const;
  [[nodiscard]] absl::Status CheckBlocks(std::uint64_t& areas) const;
  [[nodiscard]] absl::Status CheckWriterBlocks(std::uint64_t& areas) const;
  [[nodiscard]] absl::Status CheckLeases() const;
  [[nodiscard]] absl::Status CheckClaims(const std::vector<Claim>& claims) const;
  [[nodiscard]] bool IsLost(const Claim& claim) const;
  [[nodiscard]] bool IsGranted(const Claim& claim) const;
  [[nodiscard]] bool IsClaimed(const Claim& claim) const;

  const Allocator& allocator_;
  const Books& books_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_CHECK_H_
