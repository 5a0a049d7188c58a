// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The local fast lane (proto/percpud/abi/v1/lane.h): serves the connections of version 2
// that the door has admitted.
//
//   door --Admit--> [ connections ] --readable--> [ queue by user ] --a turn each--+
//                        ^   ^                          ^                          |
//                        |   +------- answered ---------|--------------------------+
//                        |                              +--- turn used up ---------+
//                        +--- slow lane <--- a request that has to sleep ----------+
//
// One thread serves every connection, one turn after the other, and waits for none. A
// request that has to sleep goes to a thread of its own, one at a time and by users as
// well; the session's next requests wait for it, other sessions' do not. The lane does not
// read from a client that does not read its answers: that client costs two buffers, and no
// time.

#ifndef PERCPUD_SERVER_HANDOFF_LANE_H_
#define PERCPUD_SERVER_HANDOFF_LANE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/identity.h"
#include "server/base/pulse.h"
#include "server/base/ranked_mutex.h"
#include "server/base/slow_lane.h"
#include "server/base/unique_fd.h"
#include "server/handoff/lane_connection.h"
#include "server/handoff/lane_queue.h"
#include "server/session/access/caller.h"
#include "server/session/calls.h"

namespace percpud {

class Lane {
 public:
  struct Options {
    // Called on the lane's thread when a connection is over: the client closed, or sent
    // garbage. Must not wait. The callee ends the session.
    std::function<void(SessionId)> gone;
    // Closes a descriptor on another thread: a peer may have made it, and closing it may
    // take as long as that peer likes. Must not wait.
    std::function<void(UniqueFd)> close;
  };

  // `calls` outlives the lane. Errors: OsRefused.
  static absl::StatusOr<std::unique_ptr<Lane>> Create(const Calls& calls, Options options);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void Start();
  // Ends the threads. What sleeps is waited for until `deadline` and then for as long as
  // it takes; its answer is sent. Connections stay open. Idempotent.
  void Stop(BootTime deadline);

  // Serves the connection from now on. `caller` is of the session that lives as long as
  // the connection. Thread safe.
  void Admit(UniqueFd connection, const Caller& caller);
  // Closes the session's connection, if it is still there; `gone` is not called.
  // Thread safe.
  void Drop(SessionId session);

  // The session's process has ended, and a child of it may have the connection: nothing is
  // served there any more, and `gone` is called when it is closed. Thread safe.
  void Leave(SessionId session);

  // Beats with every wait for events; a nudge is one.
  [[nodiscard]] const Pulse& pulse() const { return pulse_; }
  void Nudge() const;
  [[nodiscard]] SlowLane& slow_lane() { return slow_lane_; }

 private:
  enum class State : std::uint8_t {
    // Waits for the client to send.
    kIdle,
    // In the queue.
    kQueued,
    // Waits for the slow lane, or is on it, which then has the connection to itself.
    kAsleep,
    // Waits for the client to read.
    kFull,
    // Waits for the connection to be closed.
    kLeft,
  };
  struct Entry {
    std::unique_ptr<LaneConnection> connection;
    State state = State::kIdle;
    // Is to end as soon as it is not asleep.
    bool is_over = false;
    // `gone` is to be called then.
    bool tell = false;
    // Is to be left as soon as it is not asleep.
    bool is_left = false;
  };
  // What other threads hand to this one.
  struct News {
    std::vector<std::pair<UniqueFd, Caller>> admitted;
    std::vector<SessionId> dropped;
    std::vector<SessionId> awake;
    std::vector<SessionId> left;
  };

  Lane(const Calls& calls, Options options, UniqueFd epoll, UniqueFd wake);

  void Loop();
  void TakeNews();
  void TakeIn(UniqueFd connection, const Caller& caller);
  void OnEvent(SessionId session, std::uint32_t events);
  // Returns what the turn cost, in LaneCalls::Cost.
  std::int64_t ServeNext();
  // What becomes of a connection whose turn ended so.
  void Settle(SessionId session, Entry& entry, LaneConnection::Turn turn);
  void Sleep(SessionId session, Entry& entry);
  // Gives the slow lane the next request, unless it has one.
  void RunSleeper();
  void Wake(SessionId session);
  Entry& EntryAsleep(SessionId session);
  // Sends what is left, and goes on if all is sent.
  void Flush(SessionId session, Entry& entry);
  void Queue(SessionId session, Entry& entry);
  // Serves the connection no more, from now on or when it is awake.
  void LeaveAlone(SessionId session, Entry& entry);
  // Ends the connection, now or when it is awake.
  void End(SessionId session, Entry& entry, bool tell);
  void CloseStrays(LaneDesk& desk);
  void Watch(const Entry& entry, SessionId session, std::uint32_t events) const;

  const Options options_;
  const UniqueFd epoll_;
  const UniqueFd wake_;
  std::thread thread_;
  Pulse pulse_;

  // The thread's own.
  absl::flat_hash_map<SessionId, Entry> entries_;
  LaneQueue queue_;
  // Sessions whose next request has to sleep.
  LaneQueue sleepers_;
  // The slow lane has a request.
  bool is_slow_lane_busy_ = false;
  const std::unique_ptr<LaneDesk> desk_;
  // The slow lane's own.
  const std::unique_ptr<LaneDesk> slow_desk_;

  mutable RankedMutex mu_{LockRank::kLeaf};
  News news_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  // Last: its thread uses what is above.
  SlowLane slow_lane_{"lane-slow"};
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_LANE_H_
