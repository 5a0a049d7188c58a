// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The way of all RPCs through gRPC: one completion queue and one thread. Measured
// against the synchronous and the callback API on the same machine, it serves a call
// for two thirds of the processor time, as long as nothing else in the process polls
// (no callback service, no default health service). Calls that take time go to one of
// the slow lanes.

#ifndef PERCPUD_SERVER_SERVICE_HOT_LANE_H_
#define PERCPUD_SERVER_SERVICE_HOT_LANE_H_

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/pulse.h"
#include "server/base/slow_lane.h"
#include "server/service/answer_room.h"
#include "server/service/lane_timers.h"

namespace percpud {

// Returns gRPC's name for the time after `duration`, however the wall clock is set. Without
// a duration it is long past: an alarm of then rings without gRPC's timers (LaneTimers).
gpr_timespec AfterNow(absl::Duration duration);

// What a tag of the completion queue points at.
class HotEvent {
 public:
  virtual ~HotEvent() = default;
  // On the hot thread. Returns false when the event will not be seen again.
  virtual bool Proceed(bool ok) = 0;
  // On the hot thread, last of all: after Proceed returned false, or instead of
  // it when the lane closes.
  virtual void Discard() { delete this; }
};

// Something the lane looks at every now and then, such as an answer that a client may
// never read. Hot thread only.
class Overseen {
 public:
  Overseen() = default;
  Overseen(const Overseen&) = delete;
  Overseen& operator=(const Overseen&) = delete;
  // `round` grows by one with each look.
  virtual void OnRound(std::uint32_t round) = 0;

 protected:
  ~Overseen() = default;

 private:
  friend class HotLane;
  Overseen* previous_ = nullptr;
  Overseen* next_ = nullptr;
};

class HotLane {
 public:
  // The rounds that an answer may wait to be read. Then it is cut off.
  static constexpr std::uint32_t kAnswerRounds = 10;
  static constexpr absl::Duration kRound = absl::Seconds(1);

  // `round`: the time between two looks at what is overseen.
  // `answers`: how many bytes of answers clients may leave unread.
  explicit HotLane(grpc::ServerBuilder& builder, absl::Duration round = kRound,
                   AnswerRoom::Limits answers = {})
      : queue_(builder.AddCompletionQueue()), answers_(answers), round_length_(round) {}
  ~HotLane();
  HotLane(const HotLane&) = delete;
  HotLane& operator=(const HotLane&) = delete;

  // Starts the thread. REQUIRES: the server is built.
  void Start();
  // Returns true once an alarm has rung, and false if none has by `deadline`: gRPC lacks the
  // thread of its alarms, and no deadline is kept. REQUIRES: started, and no calls come.
  [[nodiscard]] bool AwaitAlarm(BootTime deadline);
  // Ends the thread when every call in progress is answered.
  // REQUIRES: the server is shut down.
  void Close();

  [[nodiscard]] grpc::ServerCompletionQueue* queue() const { return queue_.get(); }
  // For calls that may sleep until the allocator has grown, one after the other.
  [[nodiscard]] SlowLane& slow_lane() { return slow_lane_; }
  // For calls that copy much or write to the disk.
  [[nodiscard]] SlowLane& work_lane() { return work_lane_; }
  // The room for answers that nobody has read yet.
  [[nodiscard]] AnswerRoom& answers() { return answers_; }
  // Beats with every event; a nudge is one. REQUIRES, of Nudge: started, and
  // not about to be closed.
  [[nodiscard]] const Pulse& pulse() const { return pulse_; }
  void Nudge();

  // Hot thread: starts, and stops, looking at `overseen`.
  void Oversee(Overseen& overseen);
  void Dismiss(Overseen& overseen);
  // Hot thread: when events come that are not gRPC's.
  [[nodiscard]] LaneTimers& timers() { return timers_; }
  // Any thread: looks at everything at once, besides the rounds. REQUIRES: started, and
  // not about to be closed.
  void LookAround();
  // Any thread: how many rounds there were, while anything was overseen.
  [[nodiscard]] std::uint32_t round() const { return round_.load(std::memory_order_relaxed); }

 private:
  class CloseEvent;
  class NudgeEvent;
  class LookEvent;
  class RoundEvent;

  void Loop();
  // Waits for an event of gRPC's until the next one of the timers. Returns false once the
  // queue is shut down and empty.
  bool AwaitEvent();
  void Handle(HotEvent& event, bool ok);
  void MakeRound();
  void LookAtAll();

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  // Outlives the slow lanes, whose work settles in it.
  AnswerRoom answers_;
  SlowLane slow_lane_{"slow-lane", 1};
  SlowLane work_lane_{"work-lane", 4};
  std::thread thread_;
  grpc::Alarm close_alarm_;
  Pulse pulse_;
  // One is on its way.
  std::atomic<bool> nudged_{false};
  const absl::Duration round_length_;
  std::atomic<std::uint32_t> round_{0};
  // Hot thread only, from here on. The queue is shut down and takes no new events.
  bool closed_ = false;
  Overseen* first_ = nullptr;
  LaneTimers timers_;
  // Whether there is a next round; there is none while nothing is overseen.
  bool has_round_ = false;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_HOT_LANE_H_
