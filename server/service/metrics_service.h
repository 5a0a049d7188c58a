// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_METRICS_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_METRICS_SERVICE_H_

#include <grpcpp/server_builder.h>

#include "percpud/v1/metrics.grpc.pb.h"
#include "server/service/callers.h"
#include "server/service/hot_lane.h"
#include "server/service/metrics_handlers.h"
#include "server/service/unary_call.h"

namespace percpud {

// MetricsService on the hot lane. No logic of its own: it ties each RPC to its handler.
class MetricsService {
 public:
  // Everything outlives the lane's thread. Registers with `builder`.
  MetricsService(const MetricsContext& context, const Callers& callers, HotLane& lane,
                 grpc::ServerBuilder& builder);

  // REQUIRES: the server is built, and the lane's thread is not started.
  void Start() { methods_.Start(); }

 private:
  MetricsContext context_;
  v1::MetricsService::AsyncService service_;
  UnaryMethods<MetricsContext> methods_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_METRICS_SERVICE_H_
