// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One shape for all unary RPCs: a free function that validates, looks up, acts and
// converts, behind one admission. This header takes a call from the completion queue
// to its handler and back.
//
//   posted --> admitted --> handler on the hot thread ---------> answered --> spare
//     ^  |                    ^   | it would sleep, or takes time      ^
//     |  another is posted    |   +--> handler on a slow lane ---------+
//     +--<--+                 |
//                  waits for room for a large answer (answer_room.h)

#ifndef PERCPUD_SERVER_SERVICE_UNARY_CALL_H_
#define PERCPUD_SERVER_SERVICE_UNARY_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <atomic>
#include <cassert>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "server/base/errors.h"
#include "server/base/pace.h"
#include "server/base/units.h"
#include "server/service/answer_room.h"
#include "server/service/callers.h"
#include "server/service/hot_lane.h"
#include "server/service/status.h"

namespace percpud {

// A handler that the hot thread runs, and the slow lane only if it would sleep.
template <typename Context, typename Request, typename Response>
using HotHandler = Outcome (*)(Context&, const Caller&, Pace, const Request&, Response&);
// A handler that takes time: the work lane runs it.
template <typename Context, typename Request, typename Response>
using WorkHandler = absl::Status (*)(Context&, const Caller&, const Request&, Response&);

// A message up to this size keeps its memory for the next call.
inline constexpr Bytes kKeptBytes{64 << 10};

// Empties a message and keeps its memory for the next call, unless it was
// unusually large: a pool of calls would hold on to the largest of each.
template <typename Message>
void Recycle(Message& message) {
  if (Bytes(message.ByteSizeLong()) > kKeptBytes) {
    message = Message();
  } else {
    message.Clear();
  }
}

// A method as its service keeps it.
class UnaryMethodBase {
 public:
  virtual ~UnaryMethodBase() = default;
  // Waits for the first calls. REQUIRES: the server is built.
  virtual void Start() = 0;
};

// What the calls of one method have in common. Outlives the lane's thread.
template <typename Context, typename Service, typename Request, typename Response>
class UnaryMethod final : public UnaryMethodBase {
 public:
  using Receive = void (Service::*)(grpc::ServerContext*, Request*,
                                    grpc::ServerAsyncResponseWriter<Response>*,
                                    grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*);
  using Handler =
      std::variant<HotHandler<Context, Request, Response>, WorkHandler<Context, Request, Response>>;

  // All outlive the method.
  UnaryMethod(HotLane& lane, const Callers& callers, Context& context, Service& service, Rpc rpc,
              Receive receive, Handler handler)
      : lane_(lane),
        callers_(callers),
        context_(context),
        service_(service),
        rpc_(rpc),
        receive_(receive),
        handler_(handler) {}

  void Start() override {
    assert(spare_.empty());
    for (int i = 0; i < kPostedCalls; ++i) Post();
  }

 private:
  // Calls that wait for a request at any time; gRPC queues what comes on top.
  static constexpr int kPostedCalls = 32;
  // Calls kept for the next ones.
  static constexpr std::size_t kSpareCalls = 64;

  // A Read's answer is as large as the limit of transfers, and so are lists.
  [[nodiscard]] bool has_large_answers() const {
    return rpc_ == Rpc::kRead ||
           std::holds_alternative<WorkHandler<Context, Request, Response>>(handler_);
  }

  class Call final : public HotEvent, private Overseen, private AnswerRoom::Waiter {
   public:
    explicit Call(UnaryMethod& method) : method_(method) {}

    void Post() {
      state_ = State::kPosted;
      server_context_.emplace();
      responder_.emplace(&*server_context_);
      grpc::ServerCompletionQueue* const queue = method_.lane_.queue();
      (method_.service_.*method_.receive_)(&*server_context_, &request_, &*responder_, queue, queue,
                                           static_cast<HotEvent*>(this));
    }

    bool Proceed(bool ok) override {
      if (state_ == State::kAnswered) return Retire();
      // The server is shut down.
      if (!ok) return false;
      // Posted before this call is served, which may take long: the next finds a place.
      method_.Post();
      timer_ = CallStats::Timer();
      state_ = State::kServed;
      method_.lane_.Oversee(*this);
      absl::StatusOr<AdmittedCall> admitted =
          method_.callers_.Admit(method_.rpc_, *server_context_);
      if (!admitted.ok()) {
        Answer(admitted.status());
        return true;
      }
      call_ = *std::move(admitted);
      if (method_.has_large_answers() && !room().Enter(peer(), *this)) {
        waits_since_ = method_.lane_.round();
        state_ = State::kWaiting;
        return true;
      }
      if (method_.has_large_answers()) held_ = AnswerRoom::kReserve;
      Serve();
      return true;
    }

    // Its neighbours among the overseen may outlive it when the lane closes.
    void Discard() override {
      if (state_ != State::kPosted) method_.lane_.Dismiss(*this);
      delete this;
    }

   private:
    // Only a posted call is not overseen.
    enum class State { kPosted, kWaiting, kServed, kAnswered };

    [[nodiscard]] AnswerRoom& room() { return method_.lane_.answers(); }
    [[nodiscard]] PeerAccount& peer() { return *call_.place.account(); }

    void OnRoom() override {
      assert(state_ == State::kWaiting);
      state_ = State::kServed;
      held_ = AnswerRoom::kReserve;
      Serve();
    }

    void Serve() {
      SlowLane* lane = &method_.lane_.work_lane();
      if (std::holds_alternative<HotHandler<Context, Request, Response>>(method_.handler_)) {
        if (const Outcome outcome = Handle(Pace::kMustNotSleep)) return Answer(*outcome);
        lane = &method_.lane_.slow_lane();
      }
      lane->Run(call_.payer(), [this] { Answer(*Handle(Pace::kMaySleep)); });
    }

    Outcome Handle(Pace pace) {
      const Caller& caller = call_.caller;
      if (const auto* hot =
              std::get_if<HotHandler<Context, Request, Response>>(&method_.handler_)) {
        return (*hot)(method_.context_, caller, pace, request_, response_);
      }
      return std::get<WorkHandler<Context, Request, Response>>(method_.handler_)(
          method_.context_, caller, request_, response_);
    }

    // On any lane's thread. The hot one sees the event only after Finish, which orders
    // the two.
    void Answer(const absl::Status& status) {
      assert(state_ == State::kServed);
      answered_in_ = method_.lane_.round();
      method_.callers_.stats().Count(method_.rpc_, status.code(), timer_);
      const Bytes bytes(status.ok() ? response_.ByteSizeLong() : 0);
      if (held_) {
        room().Settle(peer(), *held_, bytes);
        held_ = bytes;
      }
      state_ = State::kAnswered;
      if (status.ok() && bytes > kKeptBytes) {
        // gRPC has a copy once it is given the answer, which may stay unread for long.
        const Response large = std::move(response_);
        responder_->Finish(large, grpc::Status::OK, static_cast<HotEvent*>(this));
      } else if (status.ok()) {
        responder_->Finish(response_, grpc::Status::OK, static_cast<HotEvent*>(this));
      } else {
        responder_->FinishWithError(ToGrpc(status), static_cast<HotEvent*>(this));
      }
    }

    // A client that does not read keeps its own place, for a while.
    void OnRound(std::uint32_t round) override {
      assert(state_ != State::kPosted);
      if (state_ == State::kWaiting &&
          (room().is_closed() || round - waits_since_ > HotLane::kAnswerRounds)) {
        room().GiveUp(peer(), *this);
        state_ = State::kServed;
        return Answer(errors::TooManyUnread(room().limits().per_peer));
      }
      if (state_ == State::kAnswered && round - answered_in_ > HotLane::kAnswerRounds) {
        server_context_->TryCancel();
      }
    }

    bool Retire() {
      method_.lane_.Dismiss(*this);
      state_ = State::kPosted;
      // Others that enter now are served at once.
      if (held_) room().Leave(peer(), *held_);
      held_.reset();
      call_ = {};
      responder_.reset();
      server_context_.reset();
      if (method_.spare_.size() >= kSpareCalls) return false;
      Recycle(request_);
      Recycle(response_);
      method_.spare_.emplace_back(this);
      return true;
    }

    UnaryMethod& method_;
    std::atomic<State> state_{State::kPosted};
    std::atomic<std::uint32_t> answered_in_{0};
    std::uint32_t waits_since_ = 0;
    CallStats::Timer timer_;
    // What it holds of the room for answers. Handed on with the call, from thread to thread.
    // nullopt unless it has entered.
    std::optional<Bytes> held_;
    AdmittedCall call_;
    Request request_;
    Response response_;
    std::optional<grpc::ServerContext> server_context_;
    std::optional<grpc::ServerAsyncResponseWriter<Response>> responder_;
  };

  void Post() {
    if (spare_.empty()) spare_.push_back(std::make_unique<Call>(*this));
    // The queue owns it until it is spare again.
    Call* const call = spare_.back().release();
    spare_.pop_back();
    call->Post();
  }

  HotLane& lane_;
  const Callers& callers_;
  Context& context_;
  Service& service_;
  const Rpc rpc_;
  const Receive receive_;
  const Handler handler_;
  // Hot thread only, once started.
  std::vector<std::unique_ptr<Call>> spare_;
};

// The methods of one service, and how each is served.
template <typename Context>
class UnaryMethods {
 public:
  // All outlive the lane's thread.
  UnaryMethods(HotLane& lane, const Callers& callers, Context& context)
      : lane_(lane), callers_(callers), context_(context) {}

  // `Base` is the generated class that declares the method; `service` has them all.
  template <typename Service, typename Base, typename Request, typename Response, typename Handler>
  void Add(Service& service, Rpc rpc,
           void (Base::*receive)(grpc::ServerContext*, Request*,
                                 grpc::ServerAsyncResponseWriter<Response>*, grpc::CompletionQueue*,
                                 grpc::ServerCompletionQueue*, void*),
           Handler handler) {
    methods_.push_back(std::make_unique<UnaryMethod<Context, Base, Request, Response>>(
        lane_, callers_, context_, service, rpc, receive, handler));
  }

  // REQUIRES: the server is built, and the lane's thread is not started.
  void Start() {
    for (const auto& method : methods_) method->Start();
  }

 private:
  HotLane& lane_;
  const Callers& callers_;
  Context& context_;
  std::vector<std::unique_ptr<UnaryMethodBase>> methods_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_UNARY_CALL_H_
