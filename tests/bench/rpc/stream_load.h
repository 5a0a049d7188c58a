// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The fast lane under load: an Attach stream driven by hand with a window of
// requests in flight, and the same stream as the SDK drives it for threads that
// wait for their answers.

#ifndef PERCPUD_TESTS_BENCH_RPC_STREAM_LOAD_H_
#define PERCPUD_TESTS_BENCH_RPC_STREAM_LOAD_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/session.h"
#include "percpud/v1/session.grpc.pb.h"
#include "tests/bench/rpc/rpc_load.h"

namespace percpud::bench {

// One Attach stream of a session of its own, one completion queue, one thread.
// Not thread safe.
class StreamLoad {
 public:
  // Opens the session and its stream. Errors: the daemon's.
  static absl::StatusOr<std::unique_ptr<StreamLoad>> Open(const std::string& address);
  // Ends the stream.
  ~StreamLoad();
  StreamLoad(const StreamLoad&) = delete;
  StreamLoad& operator=(const StreamLoad&) = delete;

  // Each keeps `in_flight` requests going for `duration`, then lets them end.
  // Errors: the first refusal; UNAVAILABLE if the stream breaks.
  absl::StatusOr<Samples> Ping(int in_flight, absl::Duration duration);
  // Each pair is for one counter.
  absl::StatusOr<AllocFreeSamples> AllocFree(int in_flight, absl::Duration duration);

 private:
  using Clock = std::chrono::steady_clock;
  // The next request of a slot, given the answer to its last one (null at
  // first); an empty one if that was its last.
  using Turn =
      std::function<v1::AttachRequest(std::size_t slot, v1::AttachResponse* answer, bool last)>;

  StreamLoad() = default;
  absl::StatusOr<double> Drive(int in_flight, absl::Duration duration, const Turn& turn);
  // Queues a slot's request; false for an empty one.
  bool Send(std::size_t slot, v1::AttachRequest request);
  void Write();
  absl::Status Next(void*& tag);

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::SessionService::Stub> stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::AttachRequest, v1::AttachResponse>> stream_;
  std::deque<v1::AttachRequest> outbox_;
  bool writing_ = false;
  // When each slot's request was made.
  std::vector<Clock::time_point> began_;
};

// Threads of a mapped process that allocate and free through the SDK.
class SdkLoad {
 public:
  static absl::StatusOr<std::unique_ptr<SdkLoad>> Open(const std::string& address);

  // Each thread has one call in flight. Errors: the first refusal.
  absl::StatusOr<AllocFreeSamples> AllocFree(int threads, absl::Duration duration);

 private:
  explicit SdkLoad(std::unique_ptr<percpu::Session> session) : session_(std::move(session)) {}

  const std::unique_ptr<percpu::Session> session_;
};

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_RPC_STREAM_LOAD_H_
