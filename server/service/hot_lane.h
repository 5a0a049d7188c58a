// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The hot RPCs' way through gRPC: one completion queue, one thread, and a pool
// of calls that are posted, served and posted again. Measured against the
// synchronous and the callback API on the same machine, it serves a call for
// two thirds of the processor time, as long as nothing else in the process
// polls (no callback service, no default health service).

#ifndef PERCPUD_SERVER_SERVICE_HOT_LANE_H_
#define PERCPUD_SERVER_SERVICE_HOT_LANE_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <thread>

#include "server/base/pulse.h"
#include "server/base/slow_lane.h"
#include "server/service/callers.h"
#include "server/service/memory_handlers.h"
#include "server/service/status.h"

namespace percpud {

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

class HotLane {
 public:
  explicit HotLane(grpc::ServerBuilder& builder) : queue_(builder.AddCompletionQueue()) {}
  ~HotLane();
  HotLane(const HotLane&) = delete;
  HotLane& operator=(const HotLane&) = delete;

  // Starts the thread. REQUIRES: the server is built.
  void Start();
  // Ends the thread when every call in progress is answered.
  // REQUIRES: the server is shut down.
  void Close();

  [[nodiscard]] grpc::ServerCompletionQueue* queue() const { return queue_.get(); }
  [[nodiscard]] SlowLane& slow_lane() { return slow_lane_; }
  // Beats with every event; a nudge is one. REQUIRES, of Nudge: started, and
  // not about to be closed.
  [[nodiscard]] const Pulse& pulse() const { return pulse_; }
  void Nudge();

 private:
  class CloseEvent;
  class NudgeEvent;

  void Loop();

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  SlowLane slow_lane_;
  std::thread thread_;
  grpc::Alarm close_alarm_;
  Pulse pulse_;
  // One is on its way.
  std::atomic<bool> nudged_{false};
  // Hot thread only: the queue is shut down and takes no new events.
  bool closed_ = false;
};

// Empties a message and keeps its memory for the next call, unless it was
// unusually large: a pool of calls would hold on to the largest of each.
template <typename Message>
void Recycle(Message& message) {
  constexpr std::size_t kKeptBytes = 64 << 10;
  if (message.ByteSizeLong() > kKeptBytes) {
    message = Message();
  } else {
    message.Clear();
  }
}

// One call of one method, for ever: waits for a request, serves it, answers.
template <typename Service, typename Request, typename Response>
class HotCall final : public HotEvent {
 public:
  using Handler = Outcome (*)(MemoryContext&, const Caller&, Pace, const Request&, Response&);
  using Receive = void (Service::*)(grpc::ServerContext*, Request*,
                                    grpc::ServerAsyncResponseWriter<Response>*,
                                    grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*);

  // What the calls of one method have in common; the references outlive them.
  struct Method {
    HotLane& lane;
    const Callers& callers;
    MemoryContext& memory;
    Service& service;
    Rpc rpc;
    Receive receive;
    Handler handler;
  };

  explicit HotCall(const Method& method) : method_(method) { Post(); }

  bool Proceed(bool ok) override {
    if (answered_) {
      Post();
      return true;
    }
    if (!ok) return false;
    const absl::StatusOr<Caller> caller = method_.callers.Admit(method_.rpc, *context_);
    if (!caller.ok()) {
      Answer(caller.status());
      return true;
    }
    caller_ = *caller;
    if (const Outcome outcome = Handle(Pace::kMustNotSleep)) {
      Answer(*outcome);
    } else {
      method_.lane.slow_lane().Run([this] { Answer(*Handle(Pace::kMaySleep)); });
    }
    return true;
  }

 private:
  void Post() {
    answered_ = false;
    Recycle(request_);
    Recycle(response_);
    responder_.reset();
    context_.emplace();
    responder_.emplace(&*context_);
    (method_.service.*method_.receive)(&*context_, &request_, &*responder_, method_.lane.queue(),
                                       method_.lane.queue(), static_cast<HotEvent*>(this));
  }

  Outcome Handle(Pace pace) {
    return method_.handler(method_.memory, caller_, pace, request_, response_);
  }

  // On the hot thread or the slow lane; the hot thread sees the event only
  // after Finish, which orders the two.
  void Answer(const absl::Status& status) {
    answered_ = true;
    responder_->Finish(response_, ToGrpc(status), static_cast<HotEvent*>(this));
  }

  const Method method_;
  Caller caller_;
  bool answered_ = false;
  Request request_;
  Response response_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<Response>> responder_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_HOT_LANE_H_
