// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_MEMBERSHIP_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_MEMBERSHIP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/internal/door/admission.h"
#include "percpu/internal/door/door_watch.h"
#include "percpu/internal/door/lane_client.h"
#include "percpu/internal/fork.h"
#include "percpu/internal/mutex.h"
#include "percpu/session_state.h"
#include "percpu/types.h"

namespace percpu {

// Hears from a membership; the session is one. Called on threads that call the session
// and on the membership's own thread, without its lock.
class MembershipObserver {
 public:
  // Takes what the door gave. Errors say that the process cannot go on with it.
  virtual absl::Status OnAdmission(const Admission& admission) = 0;
  // Hears that the state has changed.
  virtual void OnState(SessionState state, const absl::Status& why) = 0;

 protected:
  ~MembershipObserver() = default;
};

// One process as the daemon's member: its session, from admission to its end,
// across restarts of the daemon.
//
//   (new) --Join--> connected <------> waiting --> lost
//       \--JoinLater---------------------^
//
// Passing trouble is not final. Three things are: the daemon says that the session has
// ended (NOT_FOUND), it has another arena, or OnAdmission refuses.
// Thread safe, in the process that made it. In a child of a fork its door is closed, and
// it must not be used.
class Membership final : private ForkListener {
 public:
  struct Options {
    // The side door's socket.
    std::string door;
    MapMode wanted = MapMode::kReadWrite;
    std::uint32_t abilities = 0;
    // Not OK for a member that is lost from the start: a child of a lost member.
    absl::Status lost;
  };

  // `observer` outlives this.
  Membership(Options options, MembershipObserver& observer);
  // Ends the session, if there is one. Waits only for a call of the observer's that is
  // under way.
  // REQUIRES: another thread than the one that calls the observer.
  ~Membership();
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // Has the process admitted, unless it has been. Errors: Knock's, OnAdmission's, why the
  // session is lost; RESOURCE_EXHAUSTED if there is no descriptor or thread to watch the
  // door with.
  absl::Status Join(const Deadline& deadline);
  // Goes on trying to join in the background, if the process has not joined.
  void JoinLater();
  // Joins, then returns the session's number. Errors: as Join.
  absl::StatusOr<SessionId> Id(const Deadline& deadline);
  // These join, wait for a daemon that is away, and return the session's token, or its
  // lane: null if the daemon has none. Errors: as Join; UNAVAILABLE if no daemon came in
  // time. A call that the observer makes on the membership's own thread does not wait.
  absl::StatusOr<std::string> Token(const Deadline& deadline);
  absl::StatusOr<std::shared_ptr<LaneClient>> Lane(const Deadline& deadline);
  // Returns kWaiting also before the process has joined.
  [[nodiscard]] SessionState state() const;

 private:
  void OnForkInChild() noexcept override;

  // Waits for another thread's attempt to join. Returns true if the caller has to make
  // one.
  absl::StatusOr<bool> BeginJoining(const Deadline& deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Admission> KnockAs(const std::string& token, const Patience& patience) const;
  // Joins, or goes on trying in the background if no daemon answers. Errors: as Join, but
  // for UNAVAILABLE.
  absl::Status JoinSoon(const Deadline& deadline);
  // Waits until a daemon has the session. Errors: why the session is lost; UNAVAILABLE.
  absl::Status AwaitDaemon(const Deadline& deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Returns true while a daemon holds the other end of the door.
  [[nodiscard]] bool HasDaemon() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Makes one attempt, for the watch.
  DoorWatch::Outcome ComeBack(int stop, int& door);
  // What an attempt of the watch's says at the door.
  struct Visit {
    // The session to take up again; empty to join.
    std::string token;
    [[nodiscard]] bool resumes() const { return !token.empty(); }
  };
  // Leaves the dead door and fills `visit` in. Returns how the attempt ended if there is
  // nothing to do at the door.
  std::optional<DoorWatch::Outcome> LeaveDoor(Visit& visit, int& door);
  void Keep(Admission admission) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Lose(const absl::Status& why);
  // Errors: DoorWatch::Start's.
  absl::Status StartWatch(std::optional<int> door) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Changes the state, and tells the observer if it was told another one before.
  void Become(SessionState state, const absl::Status& why);

  const Options options_;
  MembershipObserver& observer_;

  mutable Mutex mu_;
  // Something below has changed for those who wait.
  CondVar changed_;
  bool joined_ ABSL_GUARDED_BY(mu_) = false;
  // A thread knocks to join. Others wait for the outcome.
  bool joining_ ABSL_GUARDED_BY(mu_) = false;
  // The state that the observer knows. It takes an open session for connected.
  SessionState state_ ABSL_GUARDED_BY(mu_) = SessionState::kConnected;
  // Why it is lost.
  absl::Status why_ ABSL_GUARDED_BY(mu_);
  // Null while the daemon is away. Shared with the lane, whose callers may not have
  // noticed yet that it broke.
  std::shared_ptr<const UniqueFd> door_ ABSL_GUARDED_BY(mu_);
  // Null if the daemon has no lane, and while it is away.
  std::shared_ptr<LaneClient> lane_ ABSL_GUARDED_BY(mu_);
  // The door that the watch sleeps on; -1 for none.
  int watched_door_ ABSL_GUARDED_BY(mu_) = -1;
  std::string token_ ABSL_GUARDED_BY(mu_);
  SessionId id_ ABSL_GUARDED_BY(mu_){};
  std::unique_ptr<DoorWatch> watch_ ABSL_GUARDED_BY(mu_);
  // The descriptor of door_, for a child of a fork, which can take no lock.
  std::atomic<int> door_of_parent_ = -1;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_MEMBERSHIP_H_
