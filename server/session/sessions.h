// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Sessions: admitted processes, and everything they own.
//
//   door / OpenSession --> Open ---> session 7 { token, peer, usage }
//                                       |  areas 0x4000, 0x4040     end with the
//                                       |  leases: chunk 12         session
//                                       +- published ------------>  variables: nobody's,
//                                                                   until removed
//
// An area granted to a session belongs to it until it is freed, handed over or
// published. When the session ends, what it still owns is taken back at once. What it has opened
// may be written to as long as anybody has the connection: memory of variables and series that are
// removed meanwhile is not granted again before.
//
//   live --its process ends, a child has the connection--> left --the connection closes--> ended
//   live --does not come back in time, and lives---------> left --its process ends,
//     |                                                           or opens another-------> ended
//     +--all else----------------------------------------------------------------------> ended

#ifndef PERCPUD_SERVER_SESSION_SESSIONS_H_
#define PERCPUD_SERVER_SESSION_SESSIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/catalog/catalog.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/call_stats.h"
#include "server/session/access/caller.h"
#include "server/session/access/peer.h"
#include "server/session/areas.h"
#include "server/session/books.h"
#include "server/session/leases.h"
#include "server/session/series/metrics.h"
#include "server/session/session_limits.h"
#include "server/session/session_table.h"
#include "server/session/variables.h"

namespace percpud {

struct Remembered;

// A session just opened.
struct OpenedSession {
  SessionId id;
  Token token{};
};

// Admission and life. What sessions do with areas, variables and leases is asked of
// these. Thread safe: one leaf lock for all books, and nothing of the allocator's is
// called under it. What is freed leaves the books first and granted areas are entered
// last, so that no two callers ever hold one pointer.
class Sessions {
 public:
  struct Options {
    SessionLimits limits;
    MetricLimits metric_limits;
    // Outlives the sessions.
    const Clock* clock = nullptr;
    // Where tokens come from; tests count.
    std::function<Token()> make_token = RandomToken;
    // Whatever is granted is committed there before it is answered. May be null;
    // outlives the sessions.
    catalog::Catalog* catalog = nullptr;
    // What the kernel says of a process; tests tell of processes that do not exist.
    std::function<ProcessSighting(ProcessId)> look_at_process = LookAtProcess;
  };

  // 128 bits from the kernel.
  static Token RandomToken();
  // How often ReapExpired is to be called. A session is reaped if nobody renewed it
  // while it was called as often; a caller that was stopped gives everybody its time.
  static constexpr absl::Duration kReapInterval = absl::Seconds(1);

  // `allocator` outlives the sessions.
  Sessions(Allocator& allocator, Options options);
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // From now on: nothing is taken back that was granted under the old ones.
  void SetLimits(const SessionLimits& limits);

  // --- Life --------------------------------------------------------------------
  // Errors: TooManySessions, of the user or in all; TooManyRemoteSessions;
  // CatalogFull.
  absl::StatusOr<OpenedSession> Open(SessionSpec spec);
  // Ends it and takes back what it owns, in slices that do not stop others; false if
  // there is no such session.
  bool End(SessionId id);
  // Its process has ended, and children of it may have the connection: takes back what it
  // owns, and keeps what it has opened until End. False if it is not live.
  bool Leave(SessionId id);
  // The session the token stands for; renews it if it is a remote one.
  std::optional<Caller> Find(const Token& token);
  // OK for a caller without a session. Renews a remote one. Errors: SessionEnded.
  absl::Status CheckLive(const Caller& caller);
  // Ends every session nobody renewed, and every one that waits for a process that has
  // ended; returns how many. A process that lives, and has not come back, keeps what it has
  // opened and the cells that it sets.
  std::size_t ReapExpired();
  // Called with every session that ended, on the thread that ended it and without a
  // lock. Set before the first Open.
  void set_ended(std::function<void(SessionId)> ended) { ended_ = std::move(ended); }

  // --- After a restart -------------------------------------------------------------
  // Takes in what the last daemon's catalog says, into empty books; the allocator has
  // restored the areas. Sessions whose process is known to have ended are ended with
  // what they own; the other local ones wait for Resume. Errors: NotRestorable.
  absl::Status Restore(const Remembered& remembered);
  // The restored session that the token stands for, for the process it was opened for.
  // Errors: ResumeRefused.
  absl::StatusOr<OpenedSession> Resume(const Token& token, const Peer& peer);
  // Has a session that was resumed wait again, for as long as a restored one: its process
  // could not be told. Nothing happens to one that has ended.
  void Detach(SessionId id);

  // --- What callers do ---------------------------------------------------------------
  [[nodiscard]] Areas& areas() { return areas_; }
  [[nodiscard]] Leases& leases() { return leases_; }
  [[nodiscard]] Variables& variables() { return variables_; }
  [[nodiscard]] Metrics& metrics() { return metrics_; }
  [[nodiscard]] const Areas& areas() const { return areas_; }
  [[nodiscard]] const Leases& leases() const { return leases_; }
  [[nodiscard]] const Variables& variables() const { return variables_; }
  [[nodiscard]] const Metrics& metrics() const { return metrics_; }
  // What was asked at either door.
  [[nodiscard]] CallStats& call_stats() { return call_stats_; }
  [[nodiscard]] const CallStats& call_stats() const { return call_stats_; }

  // --- Looking at it ----------------------------------------------------------------
  // The live ones and those that were left. Ascending ids, from `first` on, `limit` at most.
  [[nodiscard]] std::vector<SessionSnapshot> List(SessionId first, std::size_t limit) const;
  [[nodiscard]] std::uint64_t quota_refusals() const;
  // What always holds of the books (check.h): of themselves, and that the allocator
  // knows every area and lease in them. Requests go on meanwhile. Returns how many
  // areas are owned or named; INTERNAL names the first thing that does not hold.
  [[nodiscard]] absl::StatusOr<std::uint64_t> CheckInvariants() const;

 private:
  enum class Ending : std::uint8_t {
    kWhole,
    // The process has ended, and its children have what it has opened.
    kForChildren,
    // The process lives, and has what it has opened and its writers' cells.
    kForItself,
    // It was left, and its process has opened another, in which it sets its gauges again.
    kReplaced,
  };
  // Ends a session that `condition` still holds of.
  bool EndIf(SessionId id, Ending ending, absl::FunctionRef<bool(const Session&)> condition);
  // What of an ending session goes in its first commit.
  struct Taken {
    std::vector<ChunkId> leases;
    std::vector<PercpuPtr> freed;
  };
  Taken TakeBack(Transaction& tx, SessionId id, Ending ending);
  // Takes back areas of an ending session; false once none is left.
  bool FreeSlice(SessionId id);
  // Ends, or leaves, the sessions whose time is over.
  std::size_t ReapUnrenewed(BootTime now);
  // Lists sessions that were left to a process which has opened another since.
  [[nodiscard]] std::vector<SessionId> ListReplaced() const;
  // Lists sessions that wait for a process that has ended.
  [[nodiscard]] std::vector<SessionId> ListDead() const;

  Allocator& allocator_;
  const Options options_;
  std::function<void(SessionId)> ended_;
  Books books_;
  Areas areas_;
  Leases leases_;
  Variables variables_;
  Metrics metrics_;
  CallStats call_stats_;
  // When ReapExpired was called last; only by its caller.
  std::optional<BootTime> last_reap_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SESSIONS_H_
