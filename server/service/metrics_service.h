// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_METRICS_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_METRICS_SERVICE_H_

#include <grpcpp/server_builder.h>

#include "percpud/v1/metrics.grpc.pb.h"
#include "server/service/callers.h"
#include "server/service/hot_lane.h"
#include "server/service/metrics_handlers.h"
#include "server/service/stream_gate.h"
#include "server/service/ticking_stream.h"
#include "server/service/unary_call.h"

namespace percpud {

// MetricsService on the hot lane. No logic of its own: it ties each RPC to its handler, and
// WatchSeries to ticking_stream.h.
class MetricsService {
 public:
  // Everything outlives the lane's thread; `gate` ends the streams. Registers with `builder`.
  MetricsService(const MetricsContext& context, const Callers& callers, StreamGate& gate,
                 HotLane& lane, grpc::ServerBuilder& builder);

  // REQUIRES: the server is built, and the lane's thread is not started.
  void Start();

 private:
  using Service = v1::MetricsService::AsyncService;
  using WatchStream = TickingStream<Service, v1::WatchSeriesRequest, v1::WatchSeriesResponse>;

  void AddMethods();

  MetricsContext context_;
  Service service_;
  UnaryMethods<MetricsContext> methods_;
  const WatchStream::Kind watch_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_METRICS_SERVICE_H_
