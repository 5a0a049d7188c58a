// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SESSION_TABLE_H_
#define PERCPUD_SERVER_SESSION_SESSION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/identity.h"
#include "server/session/access/caller.h"
#include "server/session/access/quota.h"
#include "server/session/answers.h"

namespace percpud {

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
  // The process of a local one.
  std::optional<Peer> peer;
  // The process's name, or what a remote one calls itself; shown only.
  std::string command;
  Role role = Role::kClient;
  // Who opened a remote one; nobody if it was opened in this process.
  Identity opener;
  // How long a remote one lives unrenewed.
  absl::Duration ttl = absl::InfiniteDuration();
  // When the process of a local one started (StartOf): with its number that
  // names it for good. 0 if the daemon cannot see the process.
  std::uint64_t started = 0;

  [[nodiscard]] bool IsRemote() const { return kind == SessionKind::kRemote; }
  // Who answers for the session.
  [[nodiscard]] Identity identity() const {
    return peer ? Identity{.uid = peer->uid, .host = {}} : opener;
  }
};

// One session.
struct Session {
  enum class State : std::uint8_t {
    // Being committed: nobody knows of it yet.
    kOpening,
    kLive,
    // What it owns is being taken back; it can do nothing more.
    kEnding,
    // It owns nothing and can do nothing. What it had opened is kept for its process, or for
    // children that hold its connection: they may count there.
    kLeft,
  };

  SessionSpec spec;
  Token token{};
  BootTime since;
  BootTime expires;
  Answers answers;
  // Sessions of other users that may hand areas over to it.
  absl::flat_hash_set<SessionId> accepted_givers;
  // Restored, and its process has not come back yet: nobody watches a connection of it.
  bool detached = false;
  State state = State::kOpening;

  // A remote session lives on from `now` for its time to live.
  void Renew(BootTime now) {
    if (spec.IsRemote()) expires = now + spec.ttl;
  }
};

// One session, as introspection shows it.
struct SessionSnapshot {
  SessionId id;
  SessionSpec spec;
  // When it was opened, as an hour of the calendar.
  absl::Time opened;
  absl::Duration age;
  Usage use;
  // Live, or left.
  Session::State state = Session::State::kLive;
  // Names of the first kMostNamespacesShown whose series it may write to.
  std::vector<std::string> namespaces;
};
inline constexpr std::size_t kMostNamespacesShown = 16;

// Sessions by number and by token. Not thread safe: the books' lock guards it.
class SessionTable {
 public:
  SessionTable() = default;
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  // A number that no session had before.
  SessionId NextId() { return SessionId(++last_id_); }
  // No number up to this one is given out again.
  void SkipTo(SessionId last);
  // REQUIRES: neither number nor token is there.
  Session& Add(SessionId id, Session session);
  // Its token stands for nobody any more. REQUIRES: it is live, or left.
  void BeginEnd(SessionId id);
  // REQUIRES: it is there.
  void Remove(SessionId id);
  // Gives every session that expires at some time more of it.
  void Postpone(absl::Duration by);

  // Null if there is none.
  [[nodiscard]] Session* Find(SessionId id);
  [[nodiscard]] const Session* Find(SessionId id) const;
  // Null unless it is live.
  [[nodiscard]] Session* FindLive(SessionId id);
  // Null unless it is live, or left.
  [[nodiscard]] Session* FindToEnd(SessionId id);
  // The live session that the token stands for; kNoSession if there is none.
  [[nodiscard]] SessionId FindToken(const Token& token) const;
  [[nodiscard]] std::vector<SessionId> ListExpired(BootTime now) const;
  [[nodiscard]] const std::map<SessionId, Session>& all() const { return sessions_; }
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }

 private:
  std::uint64_t last_id_ = 0;
  // Ordered, so that a walk can go on where it ended; rows stay where they are.
  std::map<SessionId, Session> sessions_;
  absl::flat_hash_map<Token, SessionId> tokens_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SESSION_TABLE_H_
