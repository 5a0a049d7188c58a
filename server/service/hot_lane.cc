// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/hot_lane.h"

#include <pthread.h>

#include <cassert>
#include <cstdint>
#include <optional>

#include "absl/time/clock.h"

namespace percpud {

gpr_timespec AfterNow(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  if (duration <= absl::ZeroDuration()) return gpr_inf_past(GPR_CLOCK_MONOTONIC);
  const std::int64_t micros = absl::ToInt64Microseconds(duration);
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(micros, GPR_TIMESPAN));
}

// Comes after a round's length. Deleted by the lane when it has passed.
class HotLane::RoundEvent final : public HotEvent {
 public:
  explicit RoundEvent(HotLane& lane) : lane_(lane) {
    lane_.timers_.Set(*this, NowSinceBoot() + lane_.round_length_);
    lane_.has_round_ = true;
  }
  bool Proceed(bool /*ok*/) override {
    lane_.has_round_ = false;
    lane_.MakeRound();
    return false;
  }

 private:
  HotLane& lane_;
};

// Shuts the queue down from the hot thread itself: nobody else knows when it is
// not just about to post a call.
class HotLane::CloseEvent final : public HotEvent {
 public:
  explicit CloseEvent(HotLane& lane) : lane_(lane) {}
  bool Proceed(bool /*ok*/) override {
    lane_.closed_ = true;
    lane_.queue_->Shutdown();
    return false;
  }

 private:
  HotLane& lane_;
};

// Deleted by the lane when it has passed.
class HotLane::NudgeEvent final : public HotEvent {
 public:
  explicit NudgeEvent(HotLane& lane, absl::Duration after = absl::ZeroDuration()) : lane_(lane) {
    alarm_.Set(lane_.queue(), AfterNow(after), static_cast<HotEvent*>(this));
  }
  bool Proceed(bool /*ok*/) override {
    lane_.nudged_ = false;
    return false;
  }

 private:
  HotLane& lane_;
  grpc::Alarm alarm_;
};

// Deleted by the lane when it has passed.
class HotLane::LookEvent final : public HotEvent {
 public:
  explicit LookEvent(HotLane& lane) : lane_(lane) {
    alarm_.Set(lane_.queue(), AfterNow(absl::ZeroDuration()), static_cast<HotEvent*>(this));
  }
  bool Proceed(bool /*ok*/) override {
    lane_.LookAtAll();
    return false;
  }

 private:
  HotLane& lane_;
  grpc::Alarm alarm_;
};

void HotLane::LookAround() { new LookEvent(*this); }

void HotLane::Nudge() {
  if (!nudged_.exchange(true)) new NudgeEvent(*this);
}

HotLane::~HotLane() { Close(); }

void HotLane::Start() {
  assert(!thread_.joinable() && !closed_);
  thread_ = std::thread([this] { Loop(); });
}

bool HotLane::AwaitAlarm(BootTime deadline) {
  constexpr absl::Duration kLook = absl::Microseconds(100);
  const std::uint64_t before = pulse_.beats();
  // An alarm that is due already would ring without the thread.
  nudged_ = true;
  new NudgeEvent(*this, absl::Milliseconds(1));
  while (pulse_.beats() == before && NowSinceBoot() < deadline) absl::SleepFor(kLook);
  return pulse_.beats() != before;
}

void HotLane::Close() {
  if (!thread_.joinable()) {
    if (!closed_) queue_->Shutdown();
    closed_ = true;
    return;
  }
  // What sleeps still has to answer through the queue.
  slow_lane_.Close();
  work_lane_.Close();
  close_alarm_.Set(queue_.get(), AfterNow(absl::ZeroDuration()),
                   static_cast<HotEvent*>(new CloseEvent(*this)));
  thread_.join();
}

void HotLane::Loop() {
  pthread_setname_np(pthread_self(), "hot-lane");
  while (AwaitEvent()) {
    while (timers_.next()) {
      const auto due = timers_.Take(closed_ ? BootTime::InfiniteFuture() : NowSinceBoot());
      if (!due) break;
      pulse_.Beat();
      Handle(*due->event, due->ok);
    }
  }
}

bool HotLane::AwaitEvent() {
  void* tag = nullptr;
  bool ok = false;
  const std::optional<BootTime> until = timers_.next();
  const absl::Duration left = until ? *until - NowSinceBoot() : absl::InfiniteDuration();
  const auto next = queue_->AsyncNext(&tag, &ok, AfterNow(left));
  if (next == grpc::CompletionQueue::SHUTDOWN) return false;
  if (next == grpc::CompletionQueue::TIMEOUT) return true;
  pulse_.Beat();
  Handle(*static_cast<HotEvent*>(tag), ok);
  return true;
}

void HotLane::Handle(HotEvent& event, bool ok) {
  if (closed_ || !event.Proceed(ok)) event.Discard();
}

void HotLane::Oversee(Overseen& overseen) {
  assert(overseen.previous_ == nullptr && overseen.next_ == nullptr && first_ != &overseen);
  overseen.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &overseen;
  first_ = &overseen;
  if (!has_round_) new RoundEvent(*this);
}

void HotLane::Dismiss(Overseen& overseen) {
  assert(first_ == &overseen || overseen.previous_ != nullptr);
  (overseen.previous_ == nullptr ? first_ : overseen.previous_->next_) = overseen.next_;
  if (overseen.next_ != nullptr) overseen.next_->previous_ = overseen.previous_;
  overseen.previous_ = nullptr;
  overseen.next_ = nullptr;
}

void HotLane::MakeRound() {
  round_.fetch_add(1, std::memory_order_relaxed);
  LookAtAll();
  if (first_ != nullptr) new RoundEvent(*this);
}

// Nothing that is overseen comes or goes while it is looked at: that takes an event.
void HotLane::LookAtAll() {
  for (Overseen* each = first_; each != nullptr; each = each->next_) each->OnRound(round());
}

}  // namespace percpud
