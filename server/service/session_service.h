// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_SESSION_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_SESSION_SERVICE_H_

#include "percpud/v1/session.grpc.pb.h"
#include "server/service/callers.h"
#include "server/service/session_stream.h"
#include "server/session/sessions.h"

namespace percpud {

// SessionService: Attach on the hot lane (session_stream.h), everything else as
// synchronous methods of the same server. Thread safe.
class SessionService final : public SessionStream::Service {
 public:
  // Both outlive the service.
  SessionService(Sessions& sessions, const Callers& callers, const ServiceLimits& limits)
      : sessions_(sessions), callers_(callers), limits_(limits) {}

  grpc::Status OpenSession(grpc::ServerContext* context, const v1::OpenSessionRequest* request,
                           v1::OpenSessionResponse* response) override;
  grpc::Status EndSession(grpc::ServerContext* context, const v1::EndSessionRequest* request,
                          v1::EndSessionResponse* response) override;
  grpc::Status HandOver(grpc::ServerContext* context, const v1::HandOverRequest* request,
                        v1::HandOverResponse* response) override;
  grpc::Status OpenVariable(grpc::ServerContext* context, const v1::OpenVariableRequest* request,
                            v1::OpenVariableResponse* response) override;
  grpc::Status Publish(grpc::ServerContext* context, const v1::PublishRequest* request,
                       v1::PublishResponse* response) override;
  grpc::Status RemoveVariable(grpc::ServerContext* context,
                              const v1::RemoveVariableRequest* request,
                              v1::RemoveVariableResponse* response) override;

  grpc::Status LeaseChunk(grpc::ServerContext* context, const v1::LeaseChunkRequest* request,
                          v1::LeaseChunkResponse* response) override;
  grpc::Status ReturnLease(grpc::ServerContext* context, const v1::ReturnLeaseRequest* request,
                           v1::ReturnLeaseResponse* response) override;

 private:
  Sessions& sessions_;
  const Callers& callers_;
  const ServiceLimits limits_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_SESSION_SERVICE_H_
