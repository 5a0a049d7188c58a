// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_TICKING_STREAM_H_
#define PERCPUD_SERVER_SERVICE_TICKING_STREAM_H_

#include <grpcpp/alarm.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <cassert>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/service/callers.h"
#include "server/service/hot_lane.h"
#include "server/service/status.h"
#include "server/service/stream_gate.h"
#include "server/service/stream_step.h"

namespace percpud {

// A server's stream that says something now and then until its client leaves or the
// daemon drains: Watch, WatchSeries, and health's Watch. It takes no thread, even if its client
// does not read. Hot thread only, but for what fills a message, which runs on the work lane.
// Deletes itself when the stream is over and nothing of it is under way.
//
//   accept --> fill --> write, if there is anything to say --> alarm --+
//               ^------------------------------------------------------+--> finish
template <typename Service, typename Request, typename Response>
class TickingStream final : private Overseen {
 public:
  using Receive = void (Service::*)(grpc::ServerContext*, Request*,
                                    grpc::ServerAsyncWriter<Response>*, grpc::CompletionQueue*,
                                    grpc::ServerCompletionQueue*, void*);

  // What the streams of one method have in common. All outlives the lane's thread.
  struct Kind {
    HotLane& lane;
    const Callers& callers;
    StreamGate& gate;
    Service& service;
    Rpc rpc;
    Receive receive;
    // How long from one message to the next; refuses a request. Asked before each message:
    // rules may have changed.
    std::function<absl::StatusOr<absl::Duration>(const Caller&, const Request&)> interval;
    // Writes the next message; false if there is nothing to say now. `since_start` is the age
    // of the stream. It may note in the request how far it has come.
    std::function<bool(const Caller&, Request&, absl::Duration since_start, Response&)> fill;
    // Whether there is a last message when the daemon drains.
    std::function<bool(const Request&)> says_goodbye;
    // Whether the next message follows this one at once.
    std::function<bool(const Response&)> has_more = [](const Response& /*response*/) {
      return false;
    };
  };

  // Waits for a client; when one comes, another waits.
  static void Post(const Kind& kind) { (new TickingStream(kind))->Wait(); }

 private:
  friend class StreamStep<TickingStream>;
  using Step = StreamStep<TickingStream>;

  explicit TickingStream(const Kind& kind) : kind_(kind), writer_(&context_) {}

  void Wait() {
    context_.AsyncNotifyWhenDone(done_step_.tag());
    grpc::ServerCompletionQueue* const queue = kind_.lane.queue();
    (kind_.service.*kind_.receive)(&context_, &request_, &writer_, queue, queue, Ref(accept_step_));
  }

  void OnAccept(bool ok) {
    // The server is shut down, and nobody is done.
    if (!ok) return;
    // The step of done, which was named before, comes for certain now.
    ++refs_;
    accepted_ = true;
    start_ = NowSinceBoot();
    Post(kind_);
    kind_.lane.Oversee(*this);
    if (const absl::Status status = Admit(); !status.ok()) return Finish(status);
    Tick();
  }

  absl::Status Admit() {
    absl::StatusOr<AdmittedCall> admitted = kind_.callers.Admit(kind_.rpc, context_);
    if (!admitted.ok()) return admitted.status();
    const absl::StatusOr<absl::Duration> interval = kind_.interval(admitted->caller, request_);
    if (!interval.ok()) return interval.status();
    absl::StatusOr<StreamGate::Place> place = kind_.gate.Open(admitted->place.account());
    if (!place.ok()) return place.status();
    interval_ = *interval;
    call_ = *std::move(admitted);
    place_ = *std::move(place);
    return absl::OkStatus();
  }

  void Tick() {
    assert(!writing_ && !armed_);
    writing_ = true;
    void* const tag = Ref(write_step_);
    kind_.lane.work_lane().Run(call_.payer(), [this, tag] {
      response_.Clear();
      if (kind_.fill(call_.caller, request_, NowSinceBoot() - start_, response_)) {
        writer_.Write(response_, tag);
      } else {
        // The hot thread goes on, just as after a write.
        silence_.Set(kind_.lane.queue(), AfterNow(absl::ZeroDuration()), tag);
      }
    });
  }

  void OnWritten(bool ok) {
    writing_ = false;
    if (!ok || left_) return Finish(absl::OkStatus());
    if (ending_) return End();
    if (kind_.has_more(response_)) return Tick();
    armed_ = true;
    ++refs_;
    kind_.lane.timers().Set(alarm_step_, NowSinceBoot() + interval_);
  }

  void OnAlarm(bool /*ok*/) {
    armed_ = false;
    if (left_) return Finish(absl::OkStatus());
    if (ending_) return End();
    if (const absl::Status status = CheckStill(); !status.ok()) return Finish(status);
    Tick();
  }

  // Whether the caller would be admitted now, too. A session keeps its role.
  absl::Status CheckStill() {
    if (call_.caller.session == kNoSession) {
      const absl::StatusOr<Caller> caller = kind_.callers.Of(context_);
      if (!caller.ok()) return caller.status();
      if (absl::Status status = CheckRole(kind_.rpc, *caller); !status.ok()) return status;
    }
    return kind_.interval(call_.caller, request_).status();
  }

  // The client has left, or everything is over.
  void OnDone(bool /*ok*/) {
    left_ = true;
    if (armed_) kind_.lane.timers().Cancel(alarm_step_);
  }

  void OnRound(std::uint32_t /*round*/) override {
    if (!kind_.gate.draining() || finished_) return;
    // The client has still not read, a round after the stream was to end.
    if (ending_ && writing_) context_.TryCancel();
    ending_ = true;
    if (armed_) kind_.lane.timers().Cancel(alarm_step_);
  }

  void End() {
    if (said_goodbye_ || !kind_.says_goodbye(request_)) return Finish(absl::OkStatus());
    said_goodbye_ = true;
    Tick();
  }

  void Finish(const absl::Status& status) {
    assert(!finished_ && !writing_ && !armed_);
    finished_ = true;
    writer_.Finish(ToGrpc(status), Ref(finish_step_));
  }
  void OnFinished(bool /*ok*/) {}

  void* Ref(Step& step) {
    ++refs_;
    return step.tag();
  }
  void Unref() {
    if (--refs_ > 0) return;
    if (accepted_) kind_.lane.Dismiss(*this);
    delete this;
  }

  const Kind& kind_;
  grpc::ServerContext context_;
  Request request_;
  Response response_;
  grpc::ServerAsyncWriter<Response> writer_;
  // Takes the place of a write where there is nothing to say.
  grpc::Alarm silence_;
  Step accept_step_{*this, &TickingStream::OnAccept};
  Step write_step_{*this, &TickingStream::OnWritten};
  Step alarm_step_{*this, &TickingStream::OnAlarm};
  Step done_step_{*this, &TickingStream::OnDone};
  Step finish_step_{*this, &TickingStream::OnFinished};
  BootTime start_;
  absl::Duration interval_;
  AdmittedCall call_;
  StreamGate::Place place_;
  // Steps under way.
  int refs_ = 0;
  bool accepted_ = false;
  bool writing_ = false;
  bool armed_ = false;
  bool left_ = false;
  bool ending_ = false;
  bool said_goodbye_ = false;
  bool finished_ = false;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_TICKING_STREAM_H_
