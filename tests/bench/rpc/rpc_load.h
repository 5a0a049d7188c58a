// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Calls on a percpud from a raw asynchronous client: one completion queue, one
// thread, so that what is measured is the daemon and gRPC and nothing of ours
// above them.

#ifndef PERCPUD_TESTS_BENCH_RPC_RPC_LOAD_H_
#define PERCPUD_TESTS_BENCH_RPC_RPC_LOAD_H_

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpud/v1/memory.grpc.pb.h"

namespace percpud::bench {

// The latencies of one kind of call, and the time in which they were all made.
struct Samples {
  std::vector<double> micros;
  double seconds = 0;

  // REQUIRES: there is a sample, as there is after each Run. 0 <= p <= 1.
  [[nodiscard]] double Percentile(double p) const;
  [[nodiscard]] double per_second() const { return static_cast<double>(micros.size()) / seconds; }
};

struct AllocFreeSamples {
  Samples alloc;
  Samples free;
};

// What a channel of loads is made with: a connection of its own.
grpc::ChannelArguments LoadArguments();

// Not thread safe.
class RpcLoad {
 public:
  // Each channel is a connection of its own; calls in flight are spread over them.
  explicit RpcLoad(const std::string& address, int channels = 1);
  explicit RpcLoad(const std::shared_ptr<grpc::Channel>& channel);

  // Makes calls on behalf of these sessions from now on, in turn.
  void Use(std::vector<std::string> tokens) { tokens_ = std::move(tokens); }

  // Each keeps `in_flight` calls going for `duration`, then lets them end.
  // Errors: the first status of a call that is not OK.
  absl::StatusOr<Samples> Ping(int in_flight, absl::Duration duration);
  // The same bytes of unit 0, again and again.
  absl::StatusOr<Samples> Read(int in_flight, std::uint64_t pointer, std::uint64_t bytes,
                               absl::Duration duration);
  // An Alloc of `areas` counters, then the Free of them, and so on: what was
  // there before is there afterwards.
  absl::StatusOr<AllocFreeSamples> AllocFree(int in_flight, int areas, absl::Duration duration);

  // Areas that stay, so that the other calls do not work on an empty chunk.
  absl::Status Fill(int areas, int per_call = 1024);

 private:
  // Where a call goes out.
  struct Exit {
    v1::MemoryService::Stub* stub;
    // Null: nobody's.
    const std::string* token;
  };
  class Slot;
  template <typename Call>
  class RepeatedSlot;
  class AllocFreeSlot;

  // The same call again and again.
  template <typename Call, typename Request>
  absl::StatusOr<Samples> Repeat(int in_flight, const Request& request, absl::Duration duration);
  // Takes its slots to the end; each has at least one turn.
  absl::StatusOr<double> Drive(const std::vector<std::unique_ptr<Slot>>& slots,
                               absl::Duration duration);

  Exit NextExit();

  std::vector<std::unique_ptr<v1::MemoryService::Stub>> stubs_;
  std::vector<std::string> tokens_;
  std::size_t turn_ = 0;
  grpc::CompletionQueue queue_;
};

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_RPC_RPC_LOAD_H_
