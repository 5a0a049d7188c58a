// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Holders: those who can own areas, leases and open variables, and the accounts
// that are charged for it.
//
//   identity uid 1000 ---- account of all that is hers      against quotas.per_user
//      |    |
//      |    +-- session 7 ---- account of the session       against quotas.per_session
//      |    +-- session 9 ---- account of the session
//      +------- her own: what she made without a session    against quotas.per_session
//
// Every holder has an identity, so whatever is held is charged twice.

#ifndef PERCPUD_SERVER_SESSION_HOLDERS_H_
#define PERCPUD_SERVER_SESSION_HOLDERS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "server/base/identity.h"
#include "server/base/units.h"
#include "server/session/access/caller.h"
#include "server/session/access/quota.h"
#include "server/session/session_limits.h"

namespace percpud {

// A session, or an identity by itself: the catalog's owner of an area. Sessions
// have their own number, identities have numbers from kFirstIdentity on.
using HolderId = Id<struct HolderIdTag, std::uint64_t>;
// Nobody: what a variable's area, and whatever is unknown, belongs to.
inline constexpr HolderId kNoHolder{0};
inline constexpr std::uint64_t kFirstIdentity = std::uint64_t{1} << 63;
// A removed variable's area that sessions may still write to.
inline constexpr HolderId kQuarantine{std::numeric_limits<std::uint64_t>::max()};

constexpr HolderId HolderOf(SessionId session) { return HolderId(session.value()); }
constexpr bool IsIdentity(HolderId holder) { return holder.value() >= kFirstIdentity; }
// The session that the holder is; kNoSession for anything else.
constexpr SessionId SessionOf(HolderId holder) {
  return IsIdentity(holder) ? kNoSession : SessionId(holder.value());
}
// The catalog keeps one kind of owner.
constexpr SessionId RecordedOwner(HolderId holder) { return SessionId(holder.value()); }

// What one holder has. The ledgers keep the sets, Holders the account.
struct Holder {
  Identity identity;
  Account account;
  absl::btree_set<PercpuPtr> areas;
  absl::flat_hash_set<ChunkId> leases;
  // Areas of the variables that the session has opened.
  absl::flat_hash_set<PercpuPtr> opened;
  // Transactions that are being committed for it, or change what it has.
  std::uint32_t in_flight = 0;
  // Changes with every change of the sets.
  std::uint64_t version = 0;
  // An identity's own: the catalog says who it is.
  bool is_recorded = false;
};

// What is known of one identity.
struct IdentityRow {
  // What its sessions hold and what it holds itself, together.
  Account account;
  std::uint32_t local_sessions = 0;
  std::uint32_t remote_sessions = 0;
  // Its own holder; kNoHolder before it is needed.
  HolderId own = kNoHolder;
};

// Not thread safe: the books' lock guards it.
class Holders {
 public:
  explicit Holders(const SessionLimits& limits) : limits_(limits) {}
  Holders(const Holders&) = delete;
  Holders& operator=(const Holders&) = delete;

  // From now on: nothing is taken back that was granted under the old ones.
  void set_limits(const SessionLimits& limits) { limits_ = limits; }

  // --- Sessions -------------------------------------------------------------------
  // Whether there may be one more than `sessions`. Errors: TooManySessions.
  absl::Status CheckTotal(std::size_t sessions);
  // Adds a session's holder. Errors: TooManySessions, TooManyRemoteSessions.
  absl::Status AddSession(SessionId session, const Identity& identity, bool is_remote);
  // The same, whatever the limits: a session that was there before them.
  void RestoreSession(SessionId session, const Identity& identity, bool is_remote);
  // REQUIRES: it was added with `is_remote`, and owns nothing.
  void RemoveSession(SessionId session, bool is_remote);

  // --- Identities -----------------------------------------------------------------
  // The holder of what the identity makes without a session; made if there is none.
  HolderId OwnOf(const Identity& identity);
  void RestoreIdentity(HolderId own, const Identity& identity);
  // Forgets an identity's own holder that has nothing. REQUIRES: IsIdentity(own).
  void ForgetIfIdle(HolderId own);
  // Whether nothing is left of what a holder has once `leaving` has gone.
  [[nodiscard]] bool WouldBeIdle(HolderId id, const Usage& leaving) const;

  // --- Accounts -------------------------------------------------------------------
  // Charges holder and identity, or neither. Errors: QuotaExceeded, which is counted.
  // REQUIRES: the holder is there.
  absl::Status Charge(HolderId id, const Usage& more);
  // Charges what outlives every session of an identity, against quotas.per_user alone. Errors:
  // QuotaExceeded, which is counted. REQUIRES: the identity's own holder is there.
  absl::Status ChargeLasting(HolderId own, const Usage& more);
  // Whether ChargeLasting would do it.
  [[nodiscard]] bool HasRoom(const Identity& identity, const Usage& more) const;
  // REQUIRES: the holder is there, and as much was charged.
  void Refund(HolderId id, const Usage& less);
  // Charges what was held before, whatever the quotas say by now.
  void Restore(HolderId id, const Usage& held);
  // Charges `to` in place of `from`, or neither. Errors: QuotaExceeded, of `to`.
  // REQUIRES: both are there, and as much was charged to `from`.
  absl::Status Transfer(HolderId from, HolderId to, const Usage& use);
  // The same, whatever the quotas.
  void TransferBack(HolderId from, HolderId to, const Usage& use);

  // --- Looking at it --------------------------------------------------------------
  // Null if there is none.
  [[nodiscard]] Holder* Find(HolderId id);
  [[nodiscard]] const Holder* Find(HolderId id) const;
  // Whether what the holder has is the caller's: its session's, or its identity's own.
  [[nodiscard]] bool IsCallers(HolderId id, const Caller& caller) const;
  [[nodiscard]] const std::map<HolderId, Holder>& all() const { return holders_; }
  [[nodiscard]] const absl::flat_hash_map<Identity, IdentityRow>& identities() const {
    return identities_;
  }
  [[nodiscard]] std::uint64_t quota_refusals() const { return quota_refusals_; }
  // "session 7" or "uid 1000": how errors name it.
  [[nodiscard]] std::string NameOf(HolderId id) const;

 private:
  absl::Status CheckRoom(const Identity& identity, bool is_remote);
  // Drops a row that says nothing any more.
  void ForgetRow(const Identity& identity);

  SessionLimits limits_;
  // Ordered, so that a walk can go on where it ended; rows stay where they are.
  std::map<HolderId, Holder> holders_;
  absl::flat_hash_map<Identity, IdentityRow> identities_;
  std::uint64_t last_identity_ = kFirstIdentity;
  std::uint64_t quota_refusals_ = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_HOLDERS_H_
