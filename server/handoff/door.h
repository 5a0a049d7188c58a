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
#include "server/base/slow_lane.h"
#include "server/base/unique_fd.h"
#include "server/base/unix_socket.h"
#include "server/handoff/admission.h"
#include "server/handoff/closer.h"
#include "server/handoff/lane.h"
#include "server/handoff/pending_peers.h"
#include "server/session/access/policy.h"
#include "server/session/sessions.h"

namespace percpud {

// The side door: a Unix SEQPACKET socket at which local processes are admitted
// and get the arena. The messages are in proto/percpud/abi/v1/handoff.h.
//
// One thread serves all connections, and waits for none of them. A peer that says nothing
// is dropped at its deadline, one that says anything but Hello at once. A user whose peers
// are silent makes room from among them (pending_peers.h). What peers made is closed on
// another thread (closer.h), and sessions that own much are ended on a third.
//
// A session ends when the last copy of the connection is closed. When its process has ended
// before, and a child of it holds a copy, what the process owned is taken back at once, and what it
// had opened is left to the child. A process that the daemon cannot see, in another PID
// namespace, has its connection alone.
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
    // Closes what peers made. Outlives the door.
    Closer* closer = nullptr;
    // Serves connections of version 2; without it, version 1 is spoken. Outlives the
    // door.
    Lane* lane = nullptr;
    absl::Duration handshake = absl::Seconds(2);
    // Connections that have not said Hello.
    PendingPeers::Limits pending;
  };

  // Binds the path; serves from Start on. `sessions` outlives the door.
  // Errors: AddressInUse, or what the system said.
  static absl::StatusOr<std::unique_ptr<Door>> Bind(Sessions& sessions, Options options);
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  void Start();
  // Ends the threads; sessions and connections stay as they are, but for sessions whose
  // connection is gone, which are ended. Idempotent.
  void Stop();
  // Sets the rules for peers admitted from now on; a session keeps its role. Thread safe.
  void SetRules(AccessRules rules);
  // Hangs up on a session that was ended otherwise. Thread safe.
  void HangUp(SessionId session);
  // Beats with every wait for events; a nudge is one.
  [[nodiscard]] const Pulse& pulse() const { return pulse_; }
  void Nudge() const;
  // Ends sessions, which takes as long as they own much.
  [[nodiscard]] SlowLane& slow_lane() { return slow_lane_; }
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
  };
  using Key = PendingPeers::Key;

  Door(Sessions& sessions, Options options, std::unique_ptr<UnixSocket> socket,
       std::unique_ptr<Admission> admission, UniqueFd epoll, UniqueFd wake);

  void Loop();
  // OnEvent, and no want of memory is the thread's end.
  void Handle(std::uint64_t about);
  void OnEvent(std::uint64_t about);
  void Accept();
  void PauseAccepting();
  void AcceptAgain(BootTime now);
  // Makes a silent peer leave if `user` has no place for another one.
  void MakeRoomFor(UserId user);
  void OnReadable(Key key);
  absl::Status Admit(Key key, Connection& connection, const abi::v1::Hello& hello);
  absl::Status WatchProcess(Key key, Connection& connection);
  // Gives the connection to the lane. The session's end stays with this door.
  void HandToLane(Connection& connection, const Token& token);
  void Refuse(const Connection& connection, const absl::Status& why);
  // The process of a connection has ended. Others may hold the connection.
  void OnProcessEnd(Key key);
  void Drop(Key key);
  void DropSilent(BootTime now);
  void DropHungUp();
  void CloseLater(std::vector<UniqueFd>& fds);
  [[nodiscard]] int WaitMs(BootTime now) const;
  bool Watch(int fd, Key key, std::uint32_t events) const;

  Sessions& sessions_;
  const Options options_;
  const std::unique_ptr<UnixSocket> socket_;
  const std::unique_ptr<Admission> admission_;
  const UniqueFd epoll_;
  const UniqueFd wake_;
  std::thread thread_;
  Pulse pulse_;

  // The thread's own.
  absl::flat_hash_map<Key, Connection> connections_;
  absl::flat_hash_map<SessionId, Key> by_session_;
  PendingPeers pending_;
  Key last_key_ = 0;
  // While accepting is paused.
  BootTime accept_again_ = BootTime::InfiniteFuture();

  RankedMutex mu_{LockRank::kLeaf};
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<SessionId> hung_up_ ABSL_GUARDED_BY(mu_);

  // Last: its thread uses the sessions until it is gone.
  SlowLane slow_lane_{"door-ends"};
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_DOOR_H_
