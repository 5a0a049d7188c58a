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

// What calls of a lost session are told.
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
    absl::MutexLock lock(&mu_);
    watch = std::move(watch_);
  }
  // Its thread takes the lock.
  watch.reset();
}

void Membership::OnForkInChild() noexcept {
  // The session is the parent's, and lives no longer than it does.
  const int door = door_of_parent_.exchange(-1, std::memory_order_relaxed);
  if (door >= 0) close(door);
}

// --- Joining -----------------------------------------------------------------

absl::StatusOr<bool> Membership::BeginJoining(const Deadline& deadline) {
  const auto settled = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !joining_ || joined_ || state_ == SessionState::kLost;
  };
  if (!mu_.AwaitWithTimeout(absl::Condition(&settled), deadline.left())) {
    return absl::DeadlineExceededError("side door: no answer in time");
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
    absl::MutexLock lock(&mu_);
    ASSIGN_OR_RETURN(const bool mine, BeginJoining(deadline));
    if (!mine) return absl::OkStatus();
  }
  absl::StatusOr<Admission> admission = KnockAs({}, {.deadline = deadline});
  const absl::Status status =
      admission.ok() ? observer_.OnAdmission(*admission) : admission.status();
  {
    absl::MutexLock lock(&mu_);
    joining_ = false;
    if (status.ok()) {
      Keep(*std::move(admission));
      StartWatch(door_->get());
    }
  }
  if (!admission.ok()) return status;
  if (!status.ok()) {
    Lose(status);
    return status;
  }
  Become(SessionState::kConnected, absl::OkStatus());
  return absl::OkStatus();
}

void Membership::JoinLater() {
  {
    absl::MutexLock lock(&mu_);
    if (joined_ || state_ == SessionState::kLost || watch_ != nullptr) return;
    StartWatch(std::nullopt);
  }
  Become(SessionState::kWaiting, absl::UnavailableError("no daemon answers at the side door"));
}

void Membership::Keep(Admission admission) {
  assert(admission.door.ok());
  joined_ = true;
  token_ = std::move(admission.token);
  id_ = SessionId{admission.session};
  door_ = std::make_shared<const UniqueFd>(std::move(admission.door));
  has_lane_ = admission.has_lane;
  lane_ = has_lane_ ? std::make_shared<LaneClient>(door_) : nullptr;
  door_of_parent_.store(door_->get(), std::memory_order_relaxed);
}

void Membership::StartWatch(std::optional<int> door) {
  // The watch of JoinLater goes on: it finds that somebody else has joined.
  if (watch_ != nullptr) return;
  watched_door_ = door.value_or(-1);
  watch_ = std::make_unique<DoorWatch>(
      door, [this](int stop, int& watched) { return ComeBack(stop, watched); });
}

// --- Coming back -------------------------------------------------------------

DoorWatch::Outcome Membership::ComeBack(int stop, int& door) {
  std::string token;
  bool resumes = false;
  {
    absl::MutexLock lock(&mu_);
    if (state_ == SessionState::kLost) return DoorWatch::Outcome::kOver;
    // Another thread is at the door.
    if (joining_) return DoorWatch::Outcome::kNotYet;
    // Joined since the watch began without a door.
    if (joined_ && door_ != nullptr && watched_door_ != door_->get()) {
      door = watched_door_ = door_->get();
      return DoorWatch::Outcome::kBack;
    }
    resumes = joined_;
    token = token_;
    joining_ = !resumes;
    // It is dead, and its descriptor may be the one that the next door needs.
    door_of_parent_.store(-1, std::memory_order_relaxed);
    lane_.reset();
    door_.reset();
    watched_door_ = -1;
  }
  if (resumes) Become(SessionState::kWaiting, absl::UnavailableError("the daemon hung up"));
  // As long as it takes: under a service manager's sockets the backlog outlives the
  // daemon, and the next one answers what waits there.
  absl::StatusOr<Admission> admission = KnockAs(token, {.stop = stop});
  absl::Status status = admission.status();
  const bool ended = resumes && absl::IsNotFound(status);
  if (status.ok()) status = observer_.OnAdmission(*admission);
  const bool final = ended || (admission.ok() && !status.ok());
  {
    absl::MutexLock lock(&mu_);
    if (!resumes) joining_ = false;
    if (status.ok()) {
      Keep(*std::move(admission));
      door = watched_door_ = door_->get();
    }
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
    absl::MutexLock lock(&mu_);
    // Lost is for good.
    if (state_ == state || state_ == SessionState::kLost) return;
    state_ = state;
    if (state == SessionState::kLost) why_ = why;
  }
  observer_.OnState(state, why);
}

absl::StatusOr<std::string> Membership::Token(const Deadline& deadline) {
  RETURN_IF_ERROR(Join(deadline));
  absl::MutexLock lock(&mu_);
  return token_;
}

absl::StatusOr<SessionId> Membership::Id(const Deadline& deadline) {
  RETURN_IF_ERROR(Join(deadline));
  absl::MutexLock lock(&mu_);
  return id_;
}

absl::StatusOr<std::shared_ptr<LaneClient>> Membership::Lane(const Deadline& deadline) {
  RETURN_IF_ERROR(Join(deadline));
  absl::MutexLock lock(&mu_);
  if (has_lane_ && lane_ == nullptr) return absl::UnavailableError("the daemon hung up");
  return lane_;
}

SessionState Membership::state() const {
  absl::MutexLock lock(&mu_);
  if (state_ == SessionState::kConnected && !joined_) return SessionState::kWaiting;
  return state_;
}

}  // namespace percpu
