// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_MEMORY_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_MEMORY_SERVICE_H_

#include "absl/time/time.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "server/service/hot_lane.h"
#include "server/service/memory_handlers.h"

namespace percpud {

// MemoryService on the hot lane. No logic of its own: it ties each RPC to its
// handler.
class MemoryService {
 public:
  // Everything outlives the service. Registers with `builder`.
  MemoryService(const MemoryContext& context, const Callers& callers, grpc::ServerBuilder& builder);

  // REQUIRES: the server is built.
  void Start();
  // Where streams of other services ride along.
  [[nodiscard]] HotLane& lane() { return lane_; }
  [[nodiscard]] MemoryContext& context() { return context_; }
  // Returns when no call sleeps, or at `deadline`; any other takes no time.
  void Settle(absl::Time deadline) { lane_.slow_lane().AwaitIdle(deadline); }
  // Answers what is in progress. REQUIRES: the server is shut down.
  void Close() { lane_.Close(); }

 private:
  MemoryContext context_;
  const Callers& callers_;
  v1::MemoryService::AsyncService service_;
  HotLane lane_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_MEMORY_SERVICE_H_
