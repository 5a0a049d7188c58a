// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_READING_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_READING_SERVICE_H_

#include <grpcpp/server_builder.h>

#include "percpud/v1/reading.grpc.pb.h"
#include "server/service/callers.h"
#include "server/service/hot_lane.h"
#include "server/service/reading_handlers.h"
#include "server/service/unary_call.h"

namespace percpud {

// ReadingService on the hot lane. No logic of its own: it ties each RPC to its handler. Both
// read what has been counted, and take the place of ReadSeries in the table of roles.
class ReadingService {
 public:
  // Everything outlives the lane's thread. Registers with `builder`.
  ReadingService(const MetricsContext& context, const Callers& callers, HotLane& lane,
                 grpc::ServerBuilder& builder)
      : context_(context), methods_(lane, callers, context_) {
    using Service = v1::ReadingService::AsyncService;
    builder.RegisterService(&service_);
    methods_.Add(service_, Rpc::kReadSeries, &Service::RequestReadFamily, handlers::ReadFamily);
    methods_.Add(service_, Rpc::kReadSeries, &Service::RequestReadVariables,
                 handlers::ReadVariables);
  }

  // REQUIRES: the server is built, and the lane's thread is not started.
  void Start() { methods_.Start(); }

 private:
  MetricsContext context_;
  v1::ReadingService::AsyncService service_;
  UnaryMethods<MetricsContext> methods_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_READING_SERVICE_H_
