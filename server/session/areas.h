// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_AREAS_H_
#define PERCPUD_SERVER_SESSION_AREAS_H_

#include <optional>
#include <span>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/pace.h"
#include "server/base/units.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/access/policy.h"
#include "server/session/books.h"
#include "server/session/transaction.h"

namespace percpud {

// The owner of an area or of a leased chunk.
struct AreaOwner {
  // kNoSession if no session owns it.
  SessionId session;
  // Who answers for it: the session's identity, or its maker's if there is no session.
  Identity identity;
};

// Areas granted, taken back and handed over on a caller's behalf. Thread safe.
class Areas {
 public:
  // Both outlive the object.
  Areas(Allocator& allocator, Books& books) : allocator_(allocator), books_(books) {}
  Areas(const Areas&) = delete;
  Areas& operator=(const Areas&) = delete;

  // Allocates areas, charged to the caller and owned by its session, or by its identity
  // if it has none. Errors: those of Allocator::AllocBatch; QuotaExceeded; SessionEnded,
  // if it ends meanwhile; RequestUnderWay, AnswerForgotten.
  absl::Status AllocBatch(const Caller& caller, std::span<const AreaSpec> specs,
                          const AllocOptions& options, std::span<PercpuPtr> out);
  // The same, but kWouldSleep where AllocBatch would have to create a chunk or populate
  // pages.
  Outcome TryAllocBatch(const Caller& caller, std::span<const AreaSpec> specs,
                        const AllocOptions& options, std::span<PercpuPtr> out);
  // The areas that are taken back, by their owners.
  enum class Reach : std::uint8_t {
    // All that the caller's role allows.
    kAllAllowed,
    // None of another's session.
    kNoOthersSession,
  };
  // Takes back every area, or none; returns their sizes summed, of one unit.
  // Errors besides the allocator's: NotOwner, OwnedByMaker, OwnedByNobody,
  // AreaIsVariable, AreaIsQuarantined.
  absl::StatusOr<Bytes> FreeBatch(const Caller& caller, std::span<const PercpuPtr> pointers,
                                  Reach reach = Reach::kAllAllowed);

  // Makes areas of the caller's another session's, all or none. The other has to be of
  // the same user or to have accepted it; an operator need not ask.
  // Errors: as FreeBatch; SessionNotFound, HandOverNotAccepted, QuotaExceeded (the other's).
  absl::Status HandOver(const Caller& caller, std::span<const PercpuPtr> pointers, SessionId to);
  // The caller's session takes what `giver` hands over, until either ends. It is asked
  // again after a restart. Errors: NeedsSession, SessionEnded, SessionNotFound.
  absl::Status AcceptHandOvers(const Caller& caller, SessionId giver);

  // Whether the caller may read or write what starts at `area`; kNull is the static
  // part, which is everybody's. Errors: NotOwner, OwnedByMaker.
  [[nodiscard]] absl::Status CheckUse(Rpc rpc, const Caller& caller, PercpuPtr area) const;
  // Who owns the area, or the leased chunk, that starts there; nullopt if nobody does.
  [[nodiscard]] std::optional<AreaOwner> OwnerOf(PercpuPtr area) const;

  // What a call takes out of its owners' hands.
  struct Taken {
    Usage use;
    // Each once per run of areas of its own.
    absl::InlinedVector<HolderId, 1> holders;
  };
  // The areas' weight and owners, if the caller may take them. Errors: FreeBatch's.
  [[nodiscard]] static absl::StatusOr<Taken> CheckMayTake(const Tables& tables, Rpc rpc,
                                                          const Caller& caller,
                                                          std::span<const PercpuPtr> pointers);
  // Frees what left the books when its session ended, in slices. Deletes the records.
  void FreeAll(std::span<const PercpuPtr> areas);

 private:
  // Allocates outside the lock.
  using Allocate = absl::FunctionRef<Outcome()>;
  Outcome Grant(const Caller& caller, std::span<const AreaSpec> specs, const AllocOptions& options,
                std::span<PercpuPtr> out, Allocate allocate);
  // Enters what was allocated, and commits it.
  absl::Status Enter(Transaction& tx, HolderId holder, std::span<const AreaSpec> specs,
                     absl::string_view tag, std::span<const PercpuPtr> pointers);
  // CheckMayTake for a request that names `duplicate` twice, if it is not null. A refusal
  // gives up the transaction.
  absl::StatusOr<Taken> Take(Transaction& tx, Rpc rpc, const Caller& caller,
                             std::span<const PercpuPtr> pointers, PercpuPtr duplicate) const;
  absl::Status Withdraw(Transaction& tx, std::span<const PercpuPtr> pointers, const Taken& taken);
  absl::Status Move(Transaction& tx, std::span<const PercpuPtr> pointers, const Taken& taken,
                    HolderId to);
  // The allocator's word on what is wrong with the pointers, else `refusal`.
  [[nodiscard]] absl::Status Explain(std::span<const PercpuPtr> pointers,
                                     absl::Status refusal) const;

  Allocator& allocator_;
  Books& books_;
};

// Why a caller may not take or use what the holder owns.
absl::Status RefuseUse(const Tables& tables, PercpuPtr pointer, HolderId holder);
// How the holder stands to the caller.
Owner OwnerFor(const Tables& tables, HolderId holder, const Caller& caller);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_AREAS_H_
