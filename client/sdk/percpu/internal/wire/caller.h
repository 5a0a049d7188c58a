// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How a call is made: in whose name, over which channel, how often, and until when.
// grpc_connection.cc, introspection_calls.cc and metrics_calls.cc know what a call says.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CALLER_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CALLER_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/door/lane_client.h"
#include "percpu/internal/fork_local.h"
#include "percpu/internal/mutex.h"
#include "percpu/internal/wire/connectivity.h"
#include "percpu/internal/wire/fast_lane.h"
#include "percpu/internal/wire/request_window.h"
#include "percpu/internal/wire/target.h"
#include "percpu/internal/wire/token_source.h"
#include "percpu/internal/wire/unary_call.h"
#include "percpu/options.h"
#include "percpud/v1/introspection.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "percpud/v1/metrics.grpc.pb.h"
#include "percpud/v1/session.grpc.pb.h"

namespace percpu::wire {

namespace v1 = ::percpud::v1;

using MemoryStub = v1::MemoryService::Stub;
using IntrospectionStub = v1::IntrospectionService::Stub;
using SessionStub = v1::SessionService::Stub;
using MetricsStub = v1::MetricsService::Stub;

// One of a stub's Async methods.
template <typename Stub, typename Request, typename Response>
using Method = std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (Stub::*)(
    grpc::ClientContext*, const Request&, grpc::CompletionQueue*);

// Whether a call that may have reached the daemon is made again.
enum class Repeat {
  // Yes, as often as RetryPolicy says: twice does no harm.
  kSafe,
  // Never.
  kUnsafe,
  // Yes, until the deadline: the daemon knows the call by its number.
  kNumbered,
};

// The attempts of one call, whatever carries them.
struct Attempts {
  Repeat repeat = Repeat::kUnsafe;
  // The call's number; 0 if it has none.
  std::uint64_t number = 0;
  // True once an attempt has failed that the daemon may have carried out.
  bool may_be_done = false;
  // The time that the answer may take on top of what every call may.
  absl::Duration more_time = {};
};

absl::Status FromGrpc(const grpc::Status& status);

// Makes calls on a daemon. Nothing is opened before the first one, because a fork loses
// gRPC's threads. A child makes its own channel and leaves its parent's alone.
//
// A call in a session's name waits for a daemon that is away, until its deadline. A call
// in nobody's name fails at once, or after the retries of its kind.
// Thread safe.
class Caller {
 public:
  // Calls are made in the name of the session of `tokens`, which outlives this, or in
  // nobody's if it is null. `numbers` says that no other caller numbers the session's
  // requests.
  // REQUIRES: `tokens`, if `numbers`.
  Caller(Target target, const CallOptions& options, TokenSource* tokens, bool numbers);
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  [[nodiscard]] bool has_session() const { return tokens_ != nullptr; }

  // Makes a call of its own.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Stub, Request, Response> method, const Request& request,
                                Repeat repeat) {
    Attempts attempts{.repeat = repeat};
    return Call(method, request, attempts);
  }
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Stub, Request, Response> method, const Request& request,
                                Attempts& attempts) {
    const Deadline deadline = Deadline::After(options_.deadline + attempts.more_time);
    absl::Duration backoff = options_.retry.initial_backoff;
    for (int attempt = 0;; ++attempt) {
      UnaryCall<Response> call;
      if (absl::Status status = Prepare(call.context(), deadline); !status.ok()) {
        return Settled(std::move(status), attempts);
      }
      Epoch& epoch = Current();
      const grpc::Status status = call.Make(
          [&](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
            return (StubOf<Stub>(epoch).*method)(context, request, queue);
          },
          *epoch.connectivity, deadline);
      if (status.ok()) return call.TakeResponse();
      const bool unavailable = status.error_code() == grpc::StatusCode::UNAVAILABLE;
      if (!TryAgain(attempts, unavailable, attempt, deadline, backoff)) {
        return Settled(FromGrpc(status), attempts);
      }
    }
  }

  // Makes a call that the session's stream carries: `field` of its requests, `answer` of
  // its answers. Without a stream, makes a call of its own.
  template <typename Request, typename Response>
  absl::StatusOr<Response> CallHot(Method<MemoryStub, Request, Response> method,
                                   const Request& request, Attempts& attempts,
                                   Request* (v1::AttachRequest::*field)(),
                                   Response* (v1::AttachResponse::*answer)()) {
    const Deadline deadline = DeadlineOfACall();
    absl::Duration backoff = options_.retry.initial_backoff;
    for (int attempt = 0;; ++attempt) {
      absl::StatusOr<std::shared_ptr<FastLane>> lane = Lane(deadline);
      if (!lane.ok()) return Settled(lane.status(), attempts);
      if (*lane == nullptr) break;
      v1::AttachRequest envelope;
      *(envelope.*field)() = request;
      absl::StatusOr<v1::AttachResponse> reply = (*lane)->Call(std::move(envelope), deadline);
      if (reply.ok() && reply->code() == 0) return std::move(*(*reply.*answer)());
      if (absl::IsUnimplemented(reply.status())) {
        DoWithoutLane();
        break;
      }
      absl::Status status = reply.ok() ? Refusal(*reply) : reply.status();
      if (!TryAgain(attempts, absl::IsUnavailable(status), attempt, deadline, backoff)) {
        return Settled(std::move(status), attempts);
      }
    }
    return Call(method, request, attempts);
  }

  // Calls make(attempt) over the session's lane at the side door. Calls it again as
  // `attempts` says, and in any case if the request was not sent. Returns nullopt if the
  // session has no lane.
  template <typename Make>
  auto CallLane(Attempts& attempts, Make make)
      -> std::optional<std::invoke_result_t<Make, LaneAttempt&>> {
    if (tokens_ == nullptr) return std::nullopt;
    const Deadline deadline = DeadlineOfACall();
    absl::Duration backoff = options_.retry.initial_backoff;
    for (int sent = 0;;) {
      const absl::StatusOr<std::shared_ptr<LaneClient>> lane = tokens_->Lane(deadline);
      if (!lane.ok()) return Settled(lane.status(), attempts);
      if (*lane == nullptr) return std::nullopt;
      LaneAttempt attempt{.lane = **lane, .deadline = deadline};
      auto result = make(attempt);
      const absl::Status status = StatusOf(result);
      if (status.ok()) return result;
      if (!absl::IsUnavailable(status)) return Settled(status, attempts);
      // The lane has broken, so the next one is another one.
      if (!attempt.was_sent) continue;
      if (!TryAgain(attempts, /*unavailable=*/true, sent++, deadline, backoff)) return status;
    }
  }

  // Returns call(attempts), with the number 0 unless this caller numbers its requests. The
  // answer has `words` numbers in it.
  template <typename Make>
  auto WithNumber(std::uint64_t words, Make call) -> decltype(call(std::declval<Attempts&>())) {
    Attempts attempts;
    if (!numbers_) return call(attempts);
    RequestWindow& window = window_.Get([] { return std::make_unique<RequestWindow>(); });
    const auto number = window.Enter(words, DeadlineOfACall());
    if (!number.ok()) return number.status();
    attempts = {.repeat = Repeat::kNumbered, .number = *number};
    auto answer = call(attempts);
    window.Leave(*number);
    return answer;
  }

  // Makes a numbered call of its own, whose answer is no list.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> CallNumbered(Method<Stub, Request, Response> method,
                                        const Request& request) {
    return WithNumber(kFewWords, [&](Attempts& attempts) {
      Request numbered = request;
      numbered.set_request_id(attempts.number);
      return Call(method, numbered, attempts);
    });
  }

  // The numbers in the answer of a call that returns no list.
  static constexpr std::uint64_t kFewWords = 2;

  // The stub for streams that a user of this class makes. Valid in the process that asks.
  [[nodiscard]] IntrospectionStub& introspection() { return *Current().introspection; }
  // Names the session in a call's metadata, and waits for its daemon to be there. Errors:
  // the token source's; UNAVAILABLE if no daemon was there in time; RESOURCE_EXHAUSTED if
  // this process has no descriptor left, or no thread to start gRPC with.
  absl::Status Prepare(grpc::ClientContext& context, const Deadline& deadline);
  // Returns the deadline of a call that begins now.
  [[nodiscard]] Deadline DeadlineOfACall() const { return Deadline::After(options_.deadline); }

 private:
  // The channel of one process. A child of a fork has another.
  struct Epoch {
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<Connectivity> connectivity;
    std::unique_ptr<MemoryStub> memory;
    std::unique_ptr<IntrospectionStub> introspection;
    std::unique_ptr<MetricsStub> metrics;
    std::unique_ptr<SessionStub> session;
    Mutex mu;
    // The session's stream. The first hot call makes it; it is replaced when it breaks.
    std::shared_ptr<FastLane> lane ABSL_GUARDED_BY(mu);
    // True once the daemon has said that it knows no Attach.
    bool no_lane ABSL_GUARDED_BY(mu) = false;
  };

  // Returns the stub by reference if the epoch has it; else one for a single call.
  template <typename Stub>
  static decltype(auto) StubOf(Epoch& epoch) {
    if constexpr (std::is_same_v<Stub, MemoryStub>) {
      return *epoch.memory;
    } else if constexpr (std::is_same_v<Stub, SessionStub>) {
      return *epoch.session;
    } else if constexpr (std::is_same_v<Stub, MetricsStub>) {
      return *epoch.metrics;
    } else if constexpr (std::is_same_v<Stub, IntrospectionStub>) {
      return *epoch.introspection;
    } else {
      return Stub(epoch.channel);
    }
  }
  static absl::Status StatusOf(const absl::Status& result) { return result; }
  template <typename T>
  static absl::Status StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }
  static absl::Status Refusal(const v1::AttachResponse& reply);
  Epoch& Current();
  // Returns the session's token once a daemon is there. Errors: as Prepare.
  absl::StatusOr<std::string> AwaitSession(const Deadline& deadline);
  // Returns the session's stream; null in nobody's name, and if the daemon has none.
  absl::StatusOr<std::shared_ptr<FastLane>> Lane(const Deadline& deadline);
  void DoWithoutLane();
  // Returns how a call failed. Who is refused may rely on it that nothing has changed, and
  // for want of something a later attempt is refused before anybody looks whether an earlier
  // one was carried out. That is then UNAVAILABLE.
  static absl::Status Settled(absl::Status status, const Attempts& attempts);
  // Returns whether to try once more, after a pause. The next pause is longer.
  [[nodiscard]] bool TryAgain(Attempts& attempts, bool unavailable, int attempt,
                              const Deadline& deadline, absl::Duration& backoff) const;

  const Target target_;
  const CallOptions options_;
  TokenSource* const tokens_;
  const bool numbers_;
  ForkLocal<Epoch> epoch_;
  // A child has another session, which numbers its own requests.
  ForkLocal<RequestWindow> window_;
};

}  // namespace percpu::wire

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CALLER_H_
