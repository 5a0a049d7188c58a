// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/hot_lane.h"

#include <pthread.h>

#include "absl/time/clock.h"

namespace percpud {

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
  explicit NudgeEvent(HotLane& lane) : lane_(lane) {
    alarm_.Set(lane_.queue(), absl::ToChronoTime(absl::Now()), static_cast<HotEvent*>(this));
  }
  bool Proceed(bool /*ok*/) override {
    lane_.nudged_ = false;
    return false;
  }

 private:
  HotLane& lane_;
  grpc::Alarm alarm_;
};

void HotLane::Nudge() {
  if (!nudged_.exchange(true)) new NudgeEvent(*this);
}

HotLane::~HotLane() { Close(); }

void HotLane::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void HotLane::Close() {
  if (!thread_.joinable()) {
    if (!closed_) queue_->Shutdown();
    closed_ = true;
    return;
  }
  // What sleeps still has to answer through the queue.
  slow_lane_.Close();
  close_alarm_.Set(queue_.get(), absl::ToChronoTime(absl::Now()),
                   static_cast<HotEvent*>(new CloseEvent(*this)));
  thread_.join();
}

void HotLane::Loop() {
  pthread_setname_np(pthread_self(), "hot-lane");
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    pulse_.Beat();
    auto* event = static_cast<HotEvent*>(tag);
    if (closed_ || !event->Proceed(ok)) event->Discard();
  }
}

}  // namespace percpud
