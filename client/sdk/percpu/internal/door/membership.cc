// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/membership.h"

#include <unistd.h>

#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace {

// Returns what calls of a lost session say.
absl::Status LostBecause(const absl::Status& why) {
  return absl::UnauthenticatedError(absl::StrCat("session lost: ", why.message()));
}

}  // namespace

Membership::Membership(Options options, MembershipObserver& observer)
    : options_(std::move(options)), observer_(observer) {
  if (options_.lost.ok()) return;
  state_ = SessionState::kLost;
  why_ = LostBecause(options_.lost);
}

Membership::~Membership() {
  std::unique_ptr<DoorWatch> watch;
  {
    MutexLock lock(&mu_);
    assert(!joining_ || watch_ != nullptr);
    watch = std::move(watch_);
  }
  // Its thread takes the lock.
  watch.reset();
}

void Membership::OnForkInChild() noexcept {
  // The session is the parent's, and ends with the parent although a child has its
  // descriptors.
  const int door = door_of_parent_.exchange(-1, std::memory_order_relaxed);
  if (door >= 0) close(door);
}

// --- Joining -----------------------------------------------------------------

absl::StatusOr<bool> Membership::BeginJoining(const Deadline& deadline) {
  while (joining_ && !joined_ && state_ != SessionState::kLost) {
    if (deadline.has_passed()) {
      return absl::DeadlineExceededError("side door: no answer in time");
    }
    changed_.WaitBy(mu_, deadline);
  }
  if (state_ == SessionState::kLost) return why_;
  if (joined_) return false;
  joining_ = true;
  return true;
}

absl::StatusOr<Admission> Membership::KnockAs(const std::string& token,
                                              const Patience& patience) const {
  return Knock(options_.door,
               {.wanted = options_.wanted, .abilities = options_.abilities, .resume = token},
               patience);
}

absl::Status Membership::Join(const Deadline& deadline) {
  {
    MutexLock lock(&mu_);
    ASSIGN_OR_RETURN(const bool mine, BeginJoining(deadline));
    if (!mine) return absl::OkStatus();
  }
  absl::StatusOr<Admission> admission = KnockAs({}, {.deadline = deadline});
  const absl::Status refusal =
      admission.ok() ? observer_.OnAdmission(*admission) : absl::OkStatus();
  absl::Status status = admission.ok() ? refusal : admission.status();
  {
    MutexLock lock(&mu_);
    joining_ = false;
    if (status.ok()) status = StartWatch(admission->door.get());
    if (status.ok()) Keep(*std::move(admission));
    changed_.SignalAll();
  }
  if (!refusal.ok()) Lose(refusal);
  if (status.ok()) Become(SessionState::kConnected, absl::OkStatus());
  return status;
}

void Membership::JoinLater() {
  {
    MutexLock lock(&mu_);
    if (joined_ || state_ == SessionState::kLost || watch_ != nullptr) return;
    // Without a watch, the next call tries to join again.
    if (!StartWatch(std::nullopt).ok()) return;
  }
  Become(SessionState::kWaiting, absl::UnavailableError("no daemon answers at the side door"));
}

void Membership::Keep(Admission admission) {
  assert(admission.door.ok());
  joined_ = true;
  token_ = std::move(admission.token);
  id_ = SessionId{admission.session};
  door_ = std::make_shared<const UniqueFd>(std::move(admission.door));
  lane_ = admission.has_lane ? std::make_shared<LaneClient>(door_) : nullptr;
  door_of_parent_.store(door_->get(), std::memory_order_relaxed);
}

absl::Status Membership::StartWatch(std::optional<int> door) {
  // The watch of JoinLater goes on: it finds that another thread has joined.
  if (watch_ != nullptr) return absl::OkStatus();
  watched_door_ = door.value_or(-1);
  ASSIGN_OR_RETURN(watch_, DoorWatch::Start(door, [this](int stop, int& watched) {
                     return ComeBack(stop, watched);
                   }));
  return absl::OkStatus();
}

// --- Coming back -------------------------------------------------------------

std::optional<DoorWatch::Outcome> Membership::LeaveDoor(Visit& visit, int& door) {
  MutexLock lock(&mu_);
  if (state_ == SessionState::kLost) return DoorWatch::Outcome::kOver;
  // Another thread is at the door.
  if (joining_) return DoorWatch::Outcome::kNotYet;
  // Another thread has joined since the watch began without a door.
  if (joined_ && door_ != nullptr && watched_door_ != door_->get()) {
    door = watched_door_ = door_->get();
    return DoorWatch::Outcome::kBack;
  }
  assert(joined_ != token_.empty());
  visit.token = token_;
  joining_ = !visit.resumes();
  // The door is dead, and the next one may need its descriptor.
  door_of_parent_.store(-1, std::memory_order_relaxed);
  lane_.reset();
  door_.reset();
  watched_door_ = -1;
  return std::nullopt;
}

DoorWatch::Outcome Membership::ComeBack(int stop, int& door) {
  Visit visit;
  if (const auto outcome = LeaveDoor(visit, door)) return *outcome;
  if (visit.resumes()) {
    Become(SessionState::kWaiting, absl::UnavailableError("the daemon hung up"));
  }
  // This waits without a deadline. Under a service manager's sockets the backlog
  // outlives the daemon, and the next daemon answers the visitors in it.
  absl::StatusOr<Admission> admission = KnockAs(visit.token, {.stop = stop});
  absl::Status status = admission.status();
  const bool ended = visit.resumes() && absl::IsNotFound(status);
  if (status.ok()) status = observer_.OnAdmission(*admission);
  const bool final = ended || (admission.ok() && !status.ok());
  {
    MutexLock lock(&mu_);
    if (!visit.resumes()) joining_ = false;
    if (status.ok()) {
      Keep(*std::move(admission));
      door = watched_door_ = door_->get();
    }
    changed_.SignalAll();
  }
  if (status.ok()) {
    Become(SessionState::kConnected, absl::OkStatus());
    return DoorWatch::Outcome::kBack;
  }
  if (!final) return DoorWatch::Outcome::kNotYet;
  Lose(status);
  return DoorWatch::Outcome::kOver;
}

// --- The state ---------------------------------------------------------------

void Membership::Lose(const absl::Status& why) { Become(SessionState::kLost, LostBecause(why)); }

void Membership::Become(SessionState state, const absl::Status& why) {
  {
    MutexLock lock(&mu_);
    // Lost is for good.
    if (state_ == state || state_ == SessionState::kLost) return;
    state_ = state;
    if (state == SessionState::kLost) why_ = why;
    changed_.SignalAll();
  }
  observer_.OnState(state, why);
}

// --- What calls need ---------------------------------------------------------

bool Membership::HasDaemon() const {
  return joined_ && door_ != nullptr && (lane_ == nullptr || !lane_->is_broken());
}

absl::Status Membership::JoinSoon(const Deadline& deadline) {
  absl::Status status = Join(deadline);
  if (!absl::IsUnavailable(status)) return status;
  JoinLater();
  return absl::OkStatus();
}

absl::Status Membership::AwaitDaemon(const Deadline& deadline) {
  while (state_ != SessionState::kLost && !HasDaemon()) {
    // The watch's own thread is the one that finds the daemon again.
    const bool can_wait = watch_ != nullptr && !watch_->IsThisThread();
    if (!can_wait || deadline.has_passed()) {
      return absl::UnavailableError("side door: the daemon is away");
    }
    changed_.WaitBy(mu_, deadline);
  }
  return state_ == SessionState::kLost ? why_ : absl::OkStatus();
}

absl::StatusOr<std::string> Membership::Token(const Deadline& deadline) {
  RETURN_IF_ERROR(JoinSoon(deadline));
  MutexLock lock(&mu_);
  RETURN_IF_ERROR(AwaitDaemon(deadline));
  return token_;
}

absl::StatusOr<std::shared_ptr<LaneClient>> Membership::Lane(const Deadline& deadline) {
  RETURN_IF_ERROR(JoinSoon(deadline));
  MutexLock lock(&mu_);
  RETURN_IF_ERROR(AwaitDaemon(deadline));
  return lane_;
}

absl::StatusOr<SessionId> Membership::Id(const Deadline& deadline) {
  RETURN_IF_ERROR(Join(deadline));
  MutexLock lock(&mu_);
  return id_;
}

SessionState Membership::state() const {
  MutexLock lock(&mu_);
  if (state_ == SessionState::kConnected && !joined_) return SessionState::kWaiting;
  return state_;
}

}  // namespace percpu
