// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_LEASES_H_
#define PERCPUD_SERVER_SESSION_LEASES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/units.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/books.h"
#include "server/session/transaction.h"

namespace percpud {

// A lease, as it is answered.
struct GrantedLease {
  LeasedChunk chunk;
  // A kept lease that was there before: its bytes are its last holder's.
  bool existed = false;
};

// Chunks leased to sessions and returned on a caller's behalf. Thread safe.
class Leases {
 public:
  // Both outlive the object.
  Leases(Allocator& allocator, Books& books) : allocator_(allocator), books_(books) {}
  Leases(const Leases&) = delete;
  Leases& operator=(const Leases&) = delete;

  // Leases a whole chunk to the caller's session. A lease without a name is returned
  // when the session ends. One with a name is kept, and goes to the next session of
  // the same user that asks for it. May sleep. Errors: NeedsSession, BadName,
  // QuotaExceeded; NeedsUser, for a name; LeaseHeld, while another session holds it;
  // NotMaker, if it is another user's; the allocator's.
  absl::StatusOr<GrantedLease> Lease(const Caller& caller, const std::string& name);
  // Returns it for good, a kept one too; the user who made a kept one may while nobody
  // holds it. May sleep. Errors: LeaseNotFound, NotLeaseholder.
  absl::Status Return(const Caller& caller, ChunkId chunk);

  // By ascending chunk, from `first` on, `limit` at most.
  [[nodiscard]] std::vector<LeaseRecord> List(ChunkId first, std::size_t limit) const;
  [[nodiscard]] std::optional<LeaseRecord> Find(ChunkId chunk) const;

 private:
  // Gives a kept lease to the caller's session.
  static absl::StatusOr<GrantedLease> AdoptKeptLease(Transaction& tx, const Caller& caller,
                                                     const LeaseRecord& lease);
  absl::StatusOr<GrantedLease> LeaseFresh(Transaction& tx, const Caller& caller,
                                          const std::string& name);
  absl::StatusOr<GrantedLease> Enter(Transaction& tx, const LeaseRecord& lease);
  // The lease that the request was answered with. Errors: LeaseNotFound, if the session
  // has it no more: the chunk may be another's by now.
  static absl::StatusOr<GrantedLease> Repeat(const Tables& tables, const Caller& caller,
                                             const Answers::Words& words);
  [[nodiscard]] Usage use() const { return UsageOfLease(allocator_.info().unit_size); }

  Allocator& allocator_;
  Books& books_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_LEASES_H_
