// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_HEALTH_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_HEALTH_SERVICE_H_

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/service/stream_gate.h"

namespace percpud {

// grpc.health.v1 as a synchronous service: gRPC's own one uses the callback
// API, whose poller costs the hot lane up to half its throughput.
//
// Serving until the gate drains, which also ends its Watch streams. Thread safe.
class HealthService final : public grpc::health::v1::Health::Service {
 public:
  // `gate` outlives the service.
  explicit HealthService(StreamGate& gate) : gate_(gate) {}

  grpc::Status Check(grpc::ServerContext* context,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::health::v1::HealthCheckResponse* response) override;
  grpc::Status Watch(grpc::ServerContext* context,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::ServerWriter<grpc::health::v1::HealthCheckResponse>* writer) override;

 private:
  StreamGate& gate_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_HEALTH_SERVICE_H_
