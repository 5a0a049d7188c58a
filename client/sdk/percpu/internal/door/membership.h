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
#include "absl/synchronization/mutex.h"
#include "percpu/internal/door/admission.h"
#include "percpu/internal/door/door_watch.h"
#include "percpu/internal/door/lane_client.h"
#include "percpu/internal/fork.h"
#include "percpu/session_state.h"
#include "percpu/types.h"

namespace percpu {

// What a membership tells the session that it is part of. Called on threads that
// call the session and on the membership's own, without its lock.
class MembershipObserver {
 public:
  // The door gave this. Errors say that the process cannot go on with it.
  virtual absl::Status OnAdmission(const Admission& admission) = 0;
  // The state has changed.
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
// Passing trouble is not final. Three things are: the daemon says that the session
// has ended (NOT_FOUND), it has another arena, or OnAdmission refuses.
// Thread safe. Of the process that made it; in a child of a fork its door is closed
// and it is not used.
class Membership final : private ForkListener {
 public:
  struct Options {
    // The side door's socket.
    std::string door;
    MapMode wanted = MapMode::kReadWrite;
    std::uint32_t abilities = 0;
    // Not OK for a member that is lost from the start, and says so: a child of one
    // that was lost.
    absl::Status lost;
  };

  // `observer` outlives this.
  Membership(Options options, MembershipObserver& observer);
  // Ends the session, if there is one. Waits for nobody but a call of the
  // observer's that is under way.
  ~Membership();
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // Is admitted, unless it has been. Errors: Knock's, OnAdmission's, or why the
  // session is lost.
  absl::Status Join(const Deadline& deadline);
  // Goes on trying to join in the background, if it has not joined.
  void JoinLater();
  // Joins, then returns the session's token, or its number. Errors: as Join.
  absl::StatusOr<std::string> Token(const Deadline& deadline);
  absl::StatusOr<SessionId> Id(const Deadline& deadline);
  // Joins, then returns the session's lane; null if the daemon has none. Errors: as
  // Join; UNAVAILABLE while the daemon is away.
  absl::StatusOr<std::shared_ptr<LaneClient>> Lane(const Deadline& deadline);
  // Waiting also before the process has joined.
  [[nodiscard]] SessionState state() const;

 private:
  void OnForkInChild() noexcept override;

  // Waits for another thread's attempt to join. True if the caller is to make one.
  absl::StatusOr<bool> BeginJoining(const Deadline& deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Admission> KnockAs(const std::string& token, const Patience& patience) const;
  // One attempt of the watch's.
  DoorWatch::Outcome ComeBack(int stop, int& door);
  void Keep(Admission admission) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Lose(const absl::Status& why);
  void StartWatch(std::optional<int> door) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Changes the state, and tells the observer if it was told another one before.
  void Become(SessionState state, const absl::Status& why);

  const Options options_;
  MembershipObserver& observer_;

  mutable absl::Mutex mu_;
  bool joined_ ABSL_GUARDED_BY(mu_) = false;
  // A thread knocks to join; others wait for the outcome.
  bool joining_ ABSL_GUARDED_BY(mu_) = false;
  // As the observer knows it: a session that is open is taken for connected.
  SessionState state_ ABSL_GUARDED_BY(mu_) = SessionState::kConnected;
  // Why it is lost.
  absl::Status why_ ABSL_GUARDED_BY(mu_);
  // Null while there is none. Shared with the lane, whose callers may not have noticed
  // yet that it broke.
  std::shared_ptr<const UniqueFd> door_ ABSL_GUARDED_BY(mu_);
  // The daemon that was here last had a lane.
  bool has_lane_ ABSL_GUARDED_BY(mu_) = false;
  std::shared_ptr<LaneClient> lane_ ABSL_GUARDED_BY(mu_);
  // The one that the watch sleeps on; -1 for none.
  int watched_door_ ABSL_GUARDED_BY(mu_) = -1;
  std::string token_ ABSL_GUARDED_BY(mu_);
  SessionId id_ ABSL_GUARDED_BY(mu_){};
  std::unique_ptr<DoorWatch> watch_ ABSL_GUARDED_BY(mu_);
  // door_'s number, for a child that can take no lock.
  std::atomic<int> door_of_parent_ = -1;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_MEMBERSHIP_H_
