// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_HEALTH_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_HEALTH_SERVICE_H_

#include <grpcpp/server_builder.h>

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/service/callers.h"
#include "server/service/hot_lane.h"
#include "server/service/stream_gate.h"
#include "server/service/ticking_stream.h"
#include "server/service/unary_call.h"

namespace percpud {

// grpc.health.v1 on the hot lane: gRPC's own service uses the callback API, whose poller
// costs the hot lane up to half its throughput. It says SERVING until the gate drains,
// which also ends its Watch streams.
class HealthService {
 public:
  // Everything outlives the lane's thread. Registers with `builder`.
  HealthService(const Callers& callers, StreamGate& gate, HotLane& lane,
                grpc::ServerBuilder& builder);

  // REQUIRES: the server is built, and the lane's thread is not started.
  void Start();

 private:
  using Service = grpc::health::v1::Health::AsyncService;
  using WatchStream = TickingStream<Service, grpc::health::v1::HealthCheckRequest,
                                    grpc::health::v1::HealthCheckResponse>;

  Service service_;
  UnaryMethods<StreamGate> methods_;
  const WatchStream::Kind watch_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_HEALTH_SERVICE_H_
