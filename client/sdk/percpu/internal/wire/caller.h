// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How a call is made: in whose name, over which channel, how often, and until
// when. What a call says is grpc_connection.cc's business.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CALLER_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CALLER_H_

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
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/door/lane_client.h"
#include "percpu/internal/fork_local.h"
#include "percpu/internal/wire/fast_lane.h"
#include "percpu/internal/wire/request_window.h"
#include "percpu/internal/wire/token_source.h"
#include "percpu/options.h"
#include "percpud/v1/introspection.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "percpud/v1/session.grpc.pb.h"

namespace percpu::wire {

namespace v1 = ::percpud::v1;

using MemoryStub = v1::MemoryService::Stub;
using IntrospectionStub = v1::IntrospectionService::Stub;
using SessionStub = v1::SessionService::Stub;

template <typename Stub, typename Request, typename Response>
using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

// Whether a call may be made twice: without harm, never, or as often as it takes
// because the daemon knows it by its number.
enum class Repeat { kSafe, kUnsafe, kNumbered };

absl::Status FromGrpc(const grpc::Status& status);

// Makes calls on a daemon. Nothing is opened before the first one, because a fork
// loses gRPC's threads; a child makes its own channel and leaves its parent's.
// Thread safe.
class Caller {
 public:
  // `tokens` may be null: then calls speak for nobody in particular; else it
  // outlives this. `numbers` says that the session is this caller's alone, so that
  // nobody else numbers its requests.
  Caller(std::string target, const CallOptions& options, TokenSource* tokens, bool numbers);
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  [[nodiscard]] bool has_session() const { return tokens_ != nullptr; }

  // A call of its own.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Stub, Request, Response> method, const Request& request,
                                Repeat repeat) {
    const absl::Time deadline = absl::Now() + options_.deadline;
    absl::Duration backoff = options_.retry.initial_backoff;
    for (int attempt = 0;; ++attempt) {
      grpc::ClientContext context;
      if (absl::Status status = Prepare(context, deadline); !status.ok()) return status;
      context.set_deadline(absl::ToChronoTime(deadline));
      Response response;
      const grpc::Status status = (StubOf<Stub>(Current()).*method)(&context, request, &response);
      if (status.ok()) return response;
      const bool unavailable = status.error_code() == grpc::StatusCode::UNAVAILABLE;
      if (!TryAgain(repeat, unavailable, attempt, deadline, backoff)) return FromGrpc(status);
    }
  }

  // A call that the session's stream carries: `field` of its requests, `answer` of
  // its answers. Without a stream, a call of its own.
  template <typename Request, typename Response>
  absl::StatusOr<Response> CallHot(Method<MemoryStub, Request, Response> method,
                                   const Request& request, Request* (v1::AttachRequest::*field)(),
                                   Response* (v1::AttachResponse::*answer)()) {
    const absl::Time deadline = absl::Now() + options_.deadline;
    const Repeat repeat = RepeatOf<Request>();
    absl::Duration backoff = options_.retry.initial_backoff;
    for (int attempt = 0;; ++attempt) {
      absl::StatusOr<std::shared_ptr<FastLane>> lane = Lane(deadline);
      if (!lane.ok()) return lane.status();
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
      if (!TryAgain(repeat, absl::IsUnavailable(status), attempt, deadline, backoff)) return status;
    }
    return Call(method, request, repeat);
  }

  // Calls make(lane, deadline) with the session's lane at the side door, again as
  // `repeat` says; nullopt if the session has no lane.
  template <typename Make>
  auto CallLane(Repeat repeat, Make make)
      -> std::optional<std::invoke_result_t<Make, LaneClient&, const percpu::Deadline&>> {
    if (tokens_ == nullptr) return std::nullopt;
    const absl::Time deadline = absl::Now() + options_.deadline;
    absl::Duration backoff = options_.retry.initial_backoff;
    for (int attempt = 0;; ++attempt) {
      const absl::StatusOr<std::shared_ptr<LaneClient>> lane = tokens_->Lane(deadline);
      absl::Status status = lane.status();
      if (lane.ok()) {
        if (*lane == nullptr) return std::nullopt;
        auto result = make(**lane, percpu::Deadline::At(deadline));
        status = StatusOf(result);
        if (!absl::IsUnavailable(status)) return result;
      }
      if (!TryAgain(repeat, absl::IsUnavailable(status), attempt, deadline, backoff)) return status;
    }
  }

  // Runs call(number), with 0 unless this caller numbers its requests. The answer has
  // `words` numbers in it.
  template <typename Make>
  auto WithNumber(std::uint64_t words, Make call) -> decltype(call(std::uint64_t{})) {
    if (!numbers_) return call(0);
    RequestWindow& window = window_.Get([] { return std::make_unique<RequestWindow>(); });
    const auto number = window.Enter(words, absl::Now() + options_.deadline);
    if (!number.ok()) return number.status();
    auto answer = call(*number);
    window.Leave(*number);
    return answer;
  }

  // A numbered call of its own, whose answer is no list.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> CallNumbered(Method<Stub, Request, Response> method,
                                        const Request& request) {
    return WithNumber(kFewWords, [&](std::uint64_t number) {
      Request numbered = request;
      numbered.set_request_id(number);
      return Call(method, numbered, WhenNumbered());
    });
  }

  // How a call with a number may be repeated.
  [[nodiscard]] Repeat WhenNumbered() const {
    return numbers_ ? Repeat::kNumbered : Repeat::kUnsafe;
  }

  // The answer of a call that returns no list, in numbers.
  static constexpr std::uint64_t kFewWords = 2;

  // For streams of the caller's own. Valid in the process that asks.
  [[nodiscard]] IntrospectionStub& introspection() { return *Current().introspection; }
  // Names the session in a call's metadata. Errors: the token source's.
  absl::Status Prepare(grpc::ClientContext& context, absl::Time deadline) const;
  [[nodiscard]] absl::Time Deadline() const { return absl::Now() + options_.deadline; }

 private:
  // What belongs to one process of a family.
  struct Epoch {
    std::unique_ptr<MemoryStub> memory;
    std::unique_ptr<IntrospectionStub> introspection;
    std::unique_ptr<SessionStub> session;
    absl::Mutex mu;
    // Made with the first hot call in a session's name; replaced when it breaks.
    std::shared_ptr<FastLane> lane ABSL_GUARDED_BY(mu);
    // True once the daemon has said that it knows no Attach.
    bool no_lane ABSL_GUARDED_BY(mu) = false;
  };

  template <typename Stub>
  static Stub& StubOf(Epoch& epoch) {
    if constexpr (std::is_same_v<Stub, MemoryStub>) {
      return *epoch.memory;
    } else if constexpr (std::is_same_v<Stub, SessionStub>) {
      return *epoch.session;
    } else {
      return *epoch.introspection;
    }
  }
  template <typename Request>
  [[nodiscard]] Repeat RepeatOf() const {
    const bool has_number = requires(Request request) { request.set_request_id(1); };
    return has_number ? WhenNumbered() : Repeat::kUnsafe;
  }
  static absl::Status StatusOf(const absl::Status& result) { return result; }
  template <typename T>
  static absl::Status StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }
  static absl::Status Refusal(const v1::AttachResponse& reply);
  Epoch& Current();
  // Returns the session's stream, null if there is none to be had.
  absl::StatusOr<std::shared_ptr<FastLane>> Lane(absl::Time deadline);
  void DoWithoutLane();
  // Decides whether to try once more, after a pause; the next pause is longer.
  [[nodiscard]] bool TryAgain(Repeat repeat, bool unavailable, int attempt, absl::Time deadline,
                              absl::Duration& backoff) const;

  const std::string target_;
  const CallOptions options_;
  TokenSource* const tokens_;
  const bool numbers_;
  ForkLocal<Epoch> epoch_;
  // A child's requests are another session's.
  ForkLocal<RequestWindow> window_;
};

}  // namespace percpu::wire

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CALLER_H_
