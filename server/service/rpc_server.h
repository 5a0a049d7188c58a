// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_RPC_SERVER_H_
#define PERCPUD_SERVER_SERVICE_RPC_SERVER_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/service/answer_room.h"
#include "server/service/callers.h"
#include "server/service/channelz_service.h"
#include "server/service/health_service.h"
#include "server/service/hot_lane.h"
#include "server/service/introspection_service.h"
#include "server/service/memory_service.h"
#include "server/service/metrics_service.h"
#include "server/service/reading_service.h"
#include "server/service/reflection_service.h"
#include "server/service/service_limits.h"
#include "server/service/session_service.h"
#include "server/service/stream_gate.h"

namespace percpud {

// The gRPC server: one lane, all services, and what bounds a connection. It listens
// nowhere: connections are handed to it. Thread safe, but for construction.
class RpcServer {
 public:
  struct Options {
    ServiceLimits limits;
    // The largest message.
    Bytes message_limit = kDefaultMessage;
    // The time between two looks at answers that are not read (HotLane).
    absl::Duration round = HotLane::kRound;
    // What clients may leave unread.
    AnswerRoom::Limits answers;
    // What the daemon was started with and is not at its place any more, for introspection.
    // Called on any thread. May be null.
    std::function<std::vector<std::string>()> missing_files = nullptr;
  };

  // Starts to serve. All outlive the server. Errors: INTERNAL, if gRPC would not.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(Allocator& allocator, Sessions& sessions,
                                                          const Updater& updater, Callers& callers,
                                                          const Options& options);
  // Drains for no time at all, if nobody drained it.
  ~RpcServer();
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  // Serves a connected socket, which it owns from then on.
  void Serve(int fd, Origin origin = Origin::kAnybody);
  // Ends the streams and answers what is in progress, until `deadline`; then cuts off
  // what is left. Idempotent.
  void Drain(BootTime deadline);

  [[nodiscard]] HotLane& lane() { return lane_; }

 private:
  RpcServer(Allocator& allocator, Sessions& sessions, const Updater& updater, Callers& callers,
            const Options& options, grpc::ServerBuilder& builder);

  Callers& callers_;
  StreamGate streams_;
  HotLane lane_;
  const Calls calls_;
  MemoryService memory_;
  SessionService session_;
  MetricsService metrics_;
  ReadingService reading_;
  IntrospectionService introspection_;
  HealthService health_;
  ChannelzService channelz_;
  ReflectionService reflection_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_RPC_SERVER_H_
