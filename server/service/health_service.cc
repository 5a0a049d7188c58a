// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/health_service.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "percpud/v1/introspection.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "percpud/v1/metrics.grpc.pb.h"
#include "percpud/v1/reading.grpc.pb.h"
#include "percpud/v1/session.grpc.pb.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// The daemon as a whole, or one of its services.
bool IsOurs(const HealthCheckRequest& request) {
  const std::string& service = request.service();
  return service.empty() || service == v1::MemoryService::service_full_name() ||
         service == v1::SessionService::service_full_name() ||
         service == v1::MetricsService::service_full_name() ||
         service == v1::ReadingService::service_full_name() ||
         service == v1::IntrospectionService::service_full_name();
}

HealthCheckResponse::ServingStatus Serving(const StreamGate& gate) {
  return gate.draining() ? HealthCheckResponse::NOT_SERVING : HealthCheckResponse::SERVING;
}

Outcome Check(StreamGate& gate, const Caller& /*caller*/, Pace /*pace*/,
              const HealthCheckRequest& request, HealthCheckResponse& response) {
  if (!IsOurs(request)) return errors::ServiceUnknown(request.service());
  response.set_status(Serving(gate));
  return absl::OkStatus();
}

}  // namespace

HealthService::HealthService(const Callers& callers, StreamGate& gate, HotLane& lane,
                             grpc::ServerBuilder& builder)
    : methods_(lane, callers, gate),
      watch_{.lane = lane,
             .callers = callers,
             .gate = gate,
             .service = service_,
             .rpc = Rpc::kHealthWatch,
             .receive = &Service::RequestWatch,
             // Says something when something changes, which is once.
             .interval = [](const Caller& /*caller*/, const HealthCheckRequest& /*request*/)
                 -> absl::StatusOr<absl::Duration> { return absl::InfiniteDuration(); },
             .fill =
                 [&gate](const Caller& /*caller*/, const HealthCheckRequest& request,
                         absl::Duration /*since_start*/, HealthCheckResponse& response) {
                   response.set_status(IsOurs(request) ? Serving(gate)
                                                       : HealthCheckResponse::SERVICE_UNKNOWN);
                   return true;
                 },
             .says_goodbye = IsOurs} {
  builder.RegisterService(&service_);
  methods_.Add(service_, Rpc::kHealthCheck, &Service::RequestCheck, Check);
}

void HealthService::Start() {
  methods_.Start();
  WatchStream::Post(watch_);
}

}  // namespace percpud
