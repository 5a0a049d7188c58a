// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Sessions: admitted processes, and everything they own.
//
//   door / OpenSession --> Open ---> session 7 { token, peer, usage }
//                                       |  areas 0x4000, 0x4040     ends with the
//                                       |  leases: chunk 12         session
//                                       +- published ------------>  variables: nobody's,
//                                                                   until removed
//
// An area granted to a session belongs to it until it is freed, handed over or
// published. When the session ends, what it still owns is taken back at once.

#ifndef PERCPUD_SERVER_SESSION_SESSIONS_H_
#define PERCPUD_SERVER_SESSION_SESSIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/ranked_mutex.h"
#include "server/base/units.h"
#include "server/catalog/catalog.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/access/peer.h"
#include "server/session/access/policy.h"
#include "server/session/access/quota.h"
#include "server/session/answers.h"
#include "server/session/session_limits.h"
#include "server/session/variables.h"

namespace percpud {

struct Remembered;

// How a session came to be, which says how it ends.
enum class SessionKind : std::uint8_t {
  // Through the side door, mapping the arena read-write or read-only, or not
  // mapping it; ends with its process.
  kLocalReadWrite,
  kLocalReadOnly,
  kLocalUnmapped,
  // By RPC; ends when nobody renews it.
  kRemote,
};

// What the admitting side knows of a new session.
struct SessionSpec {
  SessionKind kind = SessionKind::kRemote;
  // Of a local one.
  std::optional<Peer> peer;
  // The process's name, or what a remote one calls itself; shown only.
  std::string command;
  Role role = Role::kClient;
  // Of a remote one: who opened it, as a quota counts ("uid 1000", a host);
  // empty counts for nobody.
  std::string opener;
  // Of a remote one: how long it lives unrenewed.
  absl::Duration ttl = absl::InfiniteDuration();
  // When the process of a local one started (StartOf): with its number that
  // names it for good.
  std::uint64_t started = 0;
};

// One session, as introspection shows it.
struct SessionSnapshot {
  SessionId id;
  SessionSpec spec;
  // When it was opened, by the wall clock.
  absl::Time opened;
  absl::Duration age;
  Usage use;
};

// A session just opened.
struct OpenedSession {
  SessionId id;
  Token token{};
};

// Thread safe. One leaf lock; nothing of the allocator's is called under it.
// What is freed is taken out of the books first and granted areas are entered
// last, so that no two callers ever hold one pointer.
class Sessions {
 public:
  struct Options {
    SessionLimits limits;
    // Outlives the sessions.
    const Clock* clock = nullptr;
    // Where tokens come from; tests count.
    std::function<Token()> make_token = RandomToken;
    // Whatever is granted is committed there before it is answered. May be null;
    // outlives the sessions.
    catalog::Catalog* catalog = nullptr;
    // Tests tell of processes that are none.
    std::function<std::optional<std::uint64_t>(ProcessId)> process_start = StartOf;
  };

  // 128 bits from the kernel.
  static Token RandomToken();

  // `allocator` outlives the sessions.
  Sessions(Allocator& allocator, Options options);
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // From now on: nothing is taken back that was granted under the old ones.
  void SetLimits(const SessionLimits& limits);

  // --- Life --------------------------------------------------------------------
  // Errors: TooManySessions, of the user or in all; TooManyRemoteSessions.
  absl::StatusOr<OpenedSession> Open(SessionSpec spec);
  // Ends it and takes back what it owns; false if there is none such.
  bool End(SessionId id);
  // The session the token stands for; renews it if it is a remote one.
  std::optional<Caller> Find(const Token& token);
  // Errors: SessionEnded. Renews a remote one. OK for a caller without.
  absl::Status CheckAlive(const Caller& caller);
  // Ends every session nobody renewed; returns how many.
  std::size_t ReapExpired();
  // --- After a restart (sessions_restore.cc) ------------------------------------
  // Takes in what the last daemon's catalog says, into empty books; the allocator
  // has restored the areas. Sessions whose process has gone are ended with what
  // they own; the other local ones wait for Resume. Errors: NotRestorable.
  absl::Status Restore(const Remembered& remembered);
  // The restored session that the token stands for, for the process it was
  // opened for. Errors: ResumeRefused.
  absl::StatusOr<OpenedSession> Resume(const Token& token, const Peer& peer);
  // Has a session that was resumed wait again, for as long as a restored one: its process
  // could not be told. Nothing happens to one that has ended.
  void Detach(SessionId id);

  // Called with every session that ended, on the thread that ended it and
  // without a lock. Set before the first Open.
  void set_ended(std::function<void(SessionId)> ended) { ended_ = std::move(ended); }

  // --- Granting, on a caller's behalf ---------------------------------------------
  // As the allocator's, charged to the caller's session and owned by it. Errors
  // besides: QuotaExceeded; SessionEnded, if it ends meanwhile.
  std::optional<absl::Status> TryAllocBatch(const Caller& caller, std::span<const AreaSpec> specs,
                                            const AllocOptions& options, std::span<PercpuPtr> out);
  absl::Status AllocBatch(const Caller& caller, std::span<const AreaSpec> specs,
                          const AllocOptions& options, std::span<PercpuPtr> out);
  // All or none. Errors besides the allocator's: NotOwner, AreaIsVariable.
  absl::StatusOr<Bytes> FreeBatch(const Caller& caller, std::span<const PercpuPtr> pointers);

  // Makes areas of the caller's another session's, all or none.
  // Errors: NotOwner, SessionNotFound, QuotaExceeded (the other's).
  absl::Status HandOver(const Caller& caller, std::span<const PercpuPtr> pointers, SessionId to);

  // --- Variables (sessions_variables.cc) ------------------------------------------
  struct VariableSpec {
    std::string name;
    VariableType type = VariableType::kBytes;
    Bytes size;
    Bytes alignment = kDefaultAlign;
    // Make it if there is none.
    bool create = false;
  };
  struct OpenedVariable {
    Variable variable;
    bool created = false;
  };
  // The variable of that name; at most one caller makes it. May sleep.
  // Errors: VariableNotFound; VariableDiffers, if it has another type or size;
  // the allocator's.
  absl::StatusOr<OpenedVariable> OpenVariable(const Caller& caller, const VariableSpec& spec);
  // Names an area of the caller's, which becomes nobody's.
  // Errors: NotOwner, VariableExists, BadName.
  absl::StatusOr<Variable> Publish(const Caller& caller, PercpuPtr pointer, std::string name,
                                   VariableType type);
  // Frees it. Errors: VariableNotFound; NotMaker, unless the caller's user made
  // it or the caller is an operator.
  absl::Status RemoveVariable(const Caller& caller, absl::string_view name);
  [[nodiscard]] std::vector<Variable> ListVariables(absl::string_view after,
                                                    std::size_t limit) const;
  // The name of the area that starts there; empty if it has none.
  [[nodiscard]] std::string VariableAt(PercpuPtr area) const;

  // --- Leases (sessions_leases.cc) ------------------------------------------------
  struct GrantedLease {
    LeasedChunk chunk;
    // A kept lease that was there before: its bytes are its last holder's.
    bool existed = false;
  };
  // A whole chunk for the caller's session. One without a name is returned when
  // the session ends; one with a name is kept, and goes to the next session of
  // the same user that asks for it. May sleep. Errors: NeedsSession, BadName,
  // QuotaExceeded; LeaseHeld, while another session holds it; NotMaker, if it
  // is another user's; the allocator's.
  absl::StatusOr<GrantedLease> Lease(const Caller& caller, const std::string& name);
  // Gives it back for good, a kept one too. May sleep. Errors: LeaseNotFound,
  // NotLeaseholder.
  absl::Status ReturnLease(const Caller& caller, ChunkId chunk);
  struct LeaseRecord {
    LeasedChunk chunk;
    // Empty if it is not kept.
    std::string name;
    // kNoSession for a kept one between two holders.
    SessionId holder;
    UserId maker;
  };
  // By chunk.
  [[nodiscard]] std::vector<LeaseRecord> ListLeases() const;

  // --- Looking at it ----------------------------------------------------------------
  // Of the area, or the leased chunk, that starts there; kNoSession if it is
  // nobody's.
  [[nodiscard]] SessionId OwnerOf(PercpuPtr area) const;
  // Ascending ids, from `first` on, `limit` at most.
  [[nodiscard]] std::vector<SessionSnapshot> List(SessionId first, std::size_t limit) const;
  [[nodiscard]] std::uint64_t quota_refusals() const;
  // What always holds of the books (sessions_check.cc): of themselves, and that
  // the allocator knows every area and lease in them. Says how many areas are
  // owned or named; INTERNAL names the first thing that does not hold.
  [[nodiscard]] absl::StatusOr<std::uint64_t> CheckInvariants() const;

 private:
  struct Owned {
    SessionId session;
    Bytes size;
  };
  struct Session {
    SessionSpec spec;
    Token token{};
    absl::Time since;
    absl::Time expires;
    Account account;
    absl::flat_hash_set<PercpuPtr> areas;
    Answers answers;
    // Restored, and its process has not come back yet.
    bool detached = false;
  };
  // sessions_variables.cc
  absl::Status EnterVariable(const Variable& variable, Bytes alignment);
  [[nodiscard]] absl::StatusOr<Variable> FindVariable(const std::string& name) const;
  absl::StatusOr<Variable> PublishInBooks(const Caller& caller, PercpuPtr pointer,
                                          const std::string& name, VariableType type, Owned& owned,
                                          catalog::Catalog::Ticket& ticket);

  // Areas taken out of the books, and from whom.
  using Withdrawn = std::vector<std::pair<PercpuPtr, Owned>>;

  // Errors: as Variables::CheckRoom.
  absl::Status CheckVariableRoom(UserId maker, Bytes size);
  // Counts a remote session for its opener. Errors: TooManyRemoteSessions.
  absl::Status CountOpener(const SessionSpec& spec) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void UncountOpener(const SessionSpec& spec) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckRoom(const SessionSpec& spec) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Move(PercpuPtr pointer, SessionId to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RestoreUse(Session& session, const Usage& held) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Renew(Session& session) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Charge(SessionId id, const Usage& more);
  // The kept lease of that name, taken up by the caller; nullopt if there is
  // none.
  absl::StatusOr<std::optional<GrantedLease>> TakeUp(const Caller& caller, const std::string& name,
                                                     catalog::Catalog::Ticket& ticket)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<GrantedLease> LeaseFresh(const Caller& caller, const std::string& name);
  absl::StatusOr<GrantedLease> Committed(const Caller& caller, const GrantedLease& granted,
                                         catalog::Catalog::Ticket ticket);
  [[nodiscard]] absl::StatusOr<GrantedLease> RepeatLease(const Answers::Words& words) const;
  // Lets go of a session's leases; those that are not kept are to be returned.
  std::vector<ChunkId> Release(SessionId id, catalog::Changes& changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] Usage UsageOfLease() const;
  void Refund(SessionId id, const Usage& less);
  absl::Status ChargeLocked(SessionId id, Session& session, const Usage& more)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // By value: it may be the session's own account that is given.
  void RefundLocked(Session& session, Usage less) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // sessions_catalog.cc
  using Ticket = catalog::Catalog::Ticket;
  Ticket Enter(catalog::Changes changes);
  Ticket EnterOwed(catalog::Changes changes);
  absl::Status Await(Ticket ticket);
  static catalog::Session RecordOf(SessionId id, const Session& session);
  static catalog::Lease RecordOf(const LeaseRecord& lease);
  static catalog::Variable RecordOf(const Variable& variable);
  static catalog::Area RecordOf(PercpuPtr pointer, const AreaSpec& spec, SessionId owner,
                                absl::string_view tag);
  [[nodiscard]] catalog::Changes DeletionOf(std::span<const PercpuPtr> areas) const;

  // A request that may have been answered before, or be under way.
  class Request {
   public:
    Request(Sessions& sessions, const Caller& caller);
    ~Request();
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    // Errors: SessionEnded, RequestUnderWay, AnswerForgotten.
    [[nodiscard]] const absl::Status& status() const { return status_; }
    [[nodiscard]] const std::optional<Answers::Words>& answer() const { return answer_; }

   private:
    Sessions& sessions_;
    const SessionId session_;
    const RequestId id_;
    absl::Status status_;
    bool begun_ = false;
    std::optional<Answers::Words> answer_;
  };
  // With what else the request changes.
  void KeepAnswer(const Caller& caller, Answers::Words words, catalog::Changes& changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetAnswer(const Caller& caller) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Enters what was granted, and commits it; if that fails, or the session has
  // ended meanwhile, gives it back.
  absl::Status Grant(const Caller& caller, std::span<const AreaSpec> specs, absl::string_view tag,
                     std::span<const PercpuPtr> pointers);
  void Ungrant(const Caller& caller, std::span<const PercpuPtr> pointers);
  [[nodiscard]] bool MayFree(const Withdrawn& withdrawn, std::span<const PercpuPtr> pointers) const;
  absl::StatusOr<Bytes> FreeWithdrawn(const Caller& caller, const Withdrawn& withdrawn,
                                      std::span<const PercpuPtr> pointers);
  void EnterAgain(const Withdrawn& areas);
  [[nodiscard]] Bytes SizeOf(const Withdrawn& withdrawn, std::span<const PercpuPtr> pointers) const;
  // sessions_handover.cc: undoes HandOver, as far as both are still there.
  void HandBack(const Withdrawn& moved, SessionId from);

  // sessions_restore.cc
  absl::Status RestoreSession(const catalog::Session& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RestoreVariable(const catalog::Variable& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RestoreLease(const catalog::Lease& record, const catalog::Contents& contents)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Those whose owner has ended are left to the caller.
  std::vector<PercpuPtr> RestoreAreas(const Remembered& remembered)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RestoreAnswers(std::span<const catalog::Answer> answers) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] std::vector<SessionId> FindDead() const ABSL_LOCKS_EXCLUDED(mu_);

  // sessions_check.cc
  struct Claim;
  [[nodiscard]] absl::StatusOr<std::vector<Claim>> CheckBooks() const ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] absl::Status CheckSession(SessionId id, const Session& session) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] absl::Status CheckTotals() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] std::vector<Claim> Claims() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] bool IsLost(const Claim& claim) const ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] bool IsGranted(const Claim& claim) const ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] bool IsClaimed(const Claim& claim) const ABSL_LOCKS_EXCLUDED(mu_);

  // Takes the areas out of the books, all or none; nobody's are passed over.
  absl::StatusOr<Withdrawn> Withdraw(Rpc rpc, const Caller& caller,
                                     std::span<const PercpuPtr> pointers);
  absl::Status CheckMayTake(Rpc rpc, const Caller& caller, PercpuPtr pointer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Reenter(const Withdrawn& areas);
  // The allocator's word on what is wrong with them, else `refusal`.
  [[nodiscard]] absl::Status Explain(std::span<const PercpuPtr> pointers,
                                     absl::Status refusal) const;
  void FreeAll(std::vector<PercpuPtr> areas);

  Allocator& allocator_;
  const Options options_;
  std::function<void(SessionId)> ended_;

  mutable RankedMutex mu_{LockRank::kLeaf};
  SessionLimits limits_ ABSL_GUARDED_BY(mu_);
  std::uint64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  absl::btree_map<SessionId, Session> sessions_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<Token, SessionId> tokens_ ABSL_GUARDED_BY(mu_);
  struct User {
    std::uint32_t sessions = 0;
    Account account;
  };
  absl::flat_hash_map<UserId, User> users_ ABSL_GUARDED_BY(mu_);
  // Remote sessions of each opener.
  absl::flat_hash_map<std::string, std::uint32_t> openers_ ABSL_GUARDED_BY(mu_);
  // Areas that a session owns.
  absl::flat_hash_map<PercpuPtr, Owned> owned_ ABSL_GUARDED_BY(mu_);
  Variables variables_ ABSL_GUARDED_BY(mu_);
  absl::btree_map<ChunkId, LeaseRecord> leases_ ABSL_GUARDED_BY(mu_);
  std::uint64_t quota_refusals_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SESSIONS_H_
