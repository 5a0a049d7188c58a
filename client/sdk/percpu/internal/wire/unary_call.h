// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_UNARY_CALL_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_UNARY_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "percpu/internal/deadline.h"
#include "percpu/internal/wire/connectivity.h"
#include "percpu/internal/wire/grpc_time.h"

namespace percpu::wire {

// What became of waiting for the end of a call.
enum class CallEnd : std::uint8_t {
  // The call ended by itself.
  kCame,
  // It ended because it was cancelled at its deadline.
  kCancelled,
  // gRPC still has it, and may yet write to what it was given.
  kNever,
};

// Waits for the only event of `queue`: the end of the call of `context`. A call that goes on
// after its deadline is cancelled. A blocking call of gRPC's keeps its deadline by gRPC's
// timers alone (connectivity.h), and returns early if the process has no descriptor to wait
// with.
CallEnd AwaitEnd(grpc::ClientContext& context, grpc::CompletionQueue& queue,
                 Connectivity& connectivity, const Deadline& deadline);

// One call with one answer. Used once, on one thread.
template <typename Response>
class UnaryCall {
 public:
  UnaryCall() : state_(std::make_unique<State>()) {}
  UnaryCall(const UnaryCall&) = delete;
  UnaryCall& operator=(const UnaryCall&) = delete;

  // For metadata, before the call is made.
  [[nodiscard]] grpc::ClientContext& context() { return state_->context; }

  // Makes the call. `begin(context, queue)` sends the request over the channel of
  // `connectivity`, and returns its reader.
  template <typename Begin>
  grpc::Status Make(Begin begin, Connectivity& connectivity, const Deadline& deadline) {
    State& state = *state_;
    assert(state.reader == nullptr);
    state.context.set_deadline(ToGrpc(deadline));
    state.reader = begin(&state.context, &state.queue.emplace());
    state.reader->Finish(&state.response, &state.status, nullptr);
    const CallEnd end = AwaitEnd(state.context, *state.queue, connectivity, deadline);
    if (end == CallEnd::kCame) return state.status;
    const bool was_cut =
        end == CallEnd::kNever || state.status.error_code() == grpc::StatusCode::CANCELLED;
    if (end == CallEnd::kNever) static_cast<void>(state_.release());
    if (!was_cut) return state.status;
    return {grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded"};
  }

  // REQUIRES: Make returned OK.
  [[nodiscard]] Response TakeResponse() { return std::move(state_->response); }

 private:
  struct State {
    // Made with the call, for it starts gRPC.
    std::optional<grpc::CompletionQueue> queue;
    grpc::ClientContext context;
    Response response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
  };
  std::unique_ptr<State> state_;
};

}  // namespace percpu::wire

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_UNARY_CALL_H_
