// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/health_service.h"

#include <string>

#include "absl/time/time.h"
#include "percpud/v1/introspection.pb.h"
#include "server/service/status.h"

namespace percpud {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

bool IsOurs(const std::string& service) {
  return service.empty() || service == "percpud.v1.MemoryService" ||
         service == "percpud.v1.IntrospectionService";
}

HealthCheckResponse::ServingStatus Serving(const StreamGate& gate) {
  return gate.draining() ? HealthCheckResponse::NOT_SERVING : HealthCheckResponse::SERVING;
}

}  // namespace

grpc::Status HealthService::Check(grpc::ServerContext* /*context*/,
                                  const HealthCheckRequest* request,
                                  HealthCheckResponse* response) {
  if (!IsOurs(request->service())) return {grpc::StatusCode::NOT_FOUND, "service: unknown"};
  response->set_status(Serving(gate_));
  return grpc::Status::OK;
}

grpc::Status HealthService::Watch(grpc::ServerContext* context, const HealthCheckRequest* request,
                                  grpc::ServerWriter<HealthCheckResponse>* writer) {
  absl::StatusOr<StreamGate::Stream> stream = gate_.Open();
  if (!stream.ok()) return ToGrpc(stream.status());
  const bool ours = IsOurs(request->service());
  HealthCheckResponse response;
  response.set_status(ours ? Serving(gate_) : HealthCheckResponse::SERVICE_UNKNOWN);
  if (!writer->Write(response)) return grpc::Status::OK;
  stream->Wait(*context, absl::InfiniteDuration());
  if (ours && gate_.draining()) {
    response.set_status(HealthCheckResponse::NOT_SERVING);
    writer->Write(response);
  }
  return grpc::Status::OK;
}

}  // namespace percpud
