// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_HANDOFF_DOOR_H_
#define PERCPUD_SERVER_HANDOFF_DOOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "server/base/clock.h"
#include "server/base/pulse.h"
#include "server/base/ranked_mutex.h"
#include "server/base/unique_fd.h"
#include "server/base/unix_socket.h"
#include "server/handoff/lane.h"
#include "server/session/access/policy.h"
#include "server/session/sessions.h"

namespace percpud {

// The side door: a Unix SEQPACKET socket at which local processes are admitted
// and get the arena. The messages are in proto/percpud/abi/v1/handoff.h.
//
// One thread serves all connections, none of which it waits for: a peer that
// says nothing is dropped at its deadline, one that says anything but Hello at
// once. A session ends with its process: when the last copy of the connection
// is closed, or (where the kernel hands out pidfds) when the process is gone
// although a child of its holds a copy.
class Door {
 public:
  struct Options {
    std::string path;
    unsigned mode = 0660;
    // A socket that already listens at `path`, which is then not bound.
    UniqueFd passed;
    AccessRules rules;
    // Abilities of which a client must have one to map the arena read-write.
    std::uint32_t needed_abilities = 0;
    // Outlive the door.
    int arena_fd = -1;
    int layout_fd = -1;
    const Clock* clock = nullptr;
    // Serves connections of version 2; without it, version 1 is spoken. Outlives the
    // door.
    Lane* lane = nullptr;
    absl::Duration handshake = absl::Seconds(2);
    // Connections that have not said Hello; more are dropped at once.
    std::uint32_t pending = 256;
  };

  // Binds the path; serves from Start on. `sessions` outlives the door.
  // Errors: AddressInUse, or what the system said.
  static absl::StatusOr<std::unique_ptr<Door>> Bind(Sessions& sessions, Options options);
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  void Start();
  // Ends the thread; sessions and connections stay as they are. Idempotent.
  void Stop();
  // Of who is admitted from now on; a session keeps its role. Thread safe.
  void SetRules(AccessRules rules);
  // Hangs up on a session that was ended otherwise. Thread safe.
  void HangUp(SessionId session);
  // Beats with every wait for events; a nudge is one.
  [[nodiscard]] const Pulse& pulse() const { return pulse_; }
  void Nudge() const;
  [[nodiscard]] const std::string& path() const { return socket_->path(); }

 private:
  struct Connection {
    UniqueFd fd;
    UniqueFd process;
    Peer peer;
    // kNoSession until Hello.
    SessionId session = kNoSession;
    // The lane has the connection; `fd` is empty.
    bool in_lane = false;
    absl::Time deadline;
  };
  using Key = std::uint64_t;

  Door(Sessions& sessions, Options options, std::unique_ptr<UnixSocket> socket, UniqueFd epoll,
       UniqueFd wake);

  void Loop();
  void Accept();
  void PauseAccepting();
  void AcceptAgain(absl::Time now);
  void OnReadable(Key key);
  void Drop(Key key);
  void DropSilent(absl::Time now);
  void DropHungUp();
  [[nodiscard]] int WaitMs(absl::Time now) const;
  [[nodiscard]] Role RoleOf(const Peer& peer) const;
  absl::Status Admit(Connection& connection, const abi::v1::Hello& hello);
  absl::StatusOr<OpenedSession> Open(const Peer& peer, abi::v1::MapMode granted);
  [[nodiscard]] absl::StatusOr<abi::v1::MapMode> Grant(const Peer& peer,
                                                       const abi::v1::Hello& hello) const;
  [[nodiscard]] absl::Status Greet(const Connection& connection, const Token& token,
                                   abi::v1::MapMode granted, std::uint32_t version) const;
  bool Watch(int fd, Key key, std::uint32_t events) const;
  // What is spoken after the Welcome, if the Hello's version is known.
  [[nodiscard]] std::uint32_t VersionFor(const abi::v1::Hello& hello) const;
  // The connection is the lane's from now on, and the session's end this door's still.
  void HandToLane(Connection& connection, const Token& token);

  Sessions& sessions_;
  const Options options_;
  const std::unique_ptr<UnixSocket> socket_;
  const UniqueFd epoll_;
  const UniqueFd wake_;
  std::thread thread_;
  Pulse pulse_;

  // The thread's own.
  absl::flat_hash_map<Key, Connection> connections_;
  Key last_key_ = 0;
  std::uint32_t pending_ = 0;
  // While accepting is paused.
  absl::Time accept_again_ = absl::InfiniteFuture();

  mutable RankedMutex mu_{LockRank::kLeaf};
  AccessRules rules_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<SessionId> hung_up_ ABSL_GUARDED_BY(mu_);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_DOOR_H_
