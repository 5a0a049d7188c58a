// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_SESSION_STREAM_H_
#define PERCPUD_SERVER_SERVICE_SESSION_STREAM_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <cstddef>
#include <cstdint>
#include <deque>

#include "percpud/v1/session.grpc.pb.h"
#include "server/base/ranked_mutex.h"
#include "server/service/callers.h"
#include "server/service/hot_lane.h"
#include "server/service/memory_handlers.h"
#include "server/service/stream_step.h"

namespace percpud {

// One Attach stream on the hot lane: reads a request, serves it with the unary
// call's handler, queues the answer. A request that has to sleep goes to the
// slow lane while the next ones are served. Deletes itself when the stream is
// over and nothing of it is under way.
//
//   accept --> read --> handle --> answers --> write --+
//               ^  ^-----------------|                 |
//               +--- if not too many wait <------------+
class SessionStream {
 public:
  using Service = v1::SessionService::AsyncService;

  // Waits for a client; when one comes, another waits. All outlive the lane.
  static void Post(HotLane& lane, const Calls& calls, const Callers& callers, Service& service) {
    (new SessionStream(lane, calls, callers, service))->Request();
  }

 private:
  friend class StreamStep<SessionStream>;
  using Step = StreamStep<SessionStream>;
  // Answers waiting to be written and calls asleep, at which no more is read.
  static constexpr std::size_t kMaxUnanswered = 1024;
  // Bytes of answers waiting to be written, at which no more is read.
  static constexpr std::size_t kMaxUnansweredBytes = 1 << 20;

  SessionStream(HotLane& lane, const Calls& calls, const Callers& callers, Service& service)
      : lane_(lane), calls_(calls), callers_(callers), service_(service), stream_(&context_) {}

  void Request();
  void OnAccept(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool /*ok*/) {}

  void Serve();
  template <typename CallRequest, typename CallResponse>
  void Serve(Rpc rpc, HotHandler<const Calls, CallRequest, CallResponse> handler,
             const CallRequest& (v1::AttachRequest::*request)() const,
             CallResponse* (v1::AttachResponse::*response)());
  void Push(std::uint64_t id, v1::AttachResponse answer, const absl::Status& status);

  // The rest is under mu_: what may go on goes on.
  void Read() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Finish(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void* Tag(Step& step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    ++refs_;
    return step.tag();
  }
  void Unref();

  HotLane& lane_;
  const Calls& calls_;
  const Callers& callers_;
  Service& service_;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<v1::AttachResponse, v1::AttachRequest> stream_;
  Step accept_{*this, &SessionStream::OnAccept};
  Step read_{*this, &SessionStream::OnRead};
  Step write_{*this, &SessionStream::OnWritten};
  Step finish_{*this, &SessionStream::OnFinished};
  // Hot thread only.
  AdmittedCall call_;
  v1::AttachRequest request_;

  RankedMutex mu_{LockRank::kLifecycle};
  // Steps and sleeping calls under way.
  int refs_ ABSL_GUARDED_BY(mu_) = 0;
  std::size_t asleep_ ABSL_GUARDED_BY(mu_) = 0;
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  // The client says no more, or is gone.
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<v1::AttachResponse> answers_ ABSL_GUARDED_BY(mu_);
  std::size_t answer_bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_SESSION_STREAM_H_
