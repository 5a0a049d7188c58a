// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/session_service.h"

#include "server/service/session_stream.h"

namespace percpud {

SessionService::SessionService(const SessionContext& context, const Callers& callers, HotLane& lane,
                               grpc::ServerBuilder& builder)
    : context_(context), callers_(callers), lane_(lane), methods_(lane, callers, context_) {
  using Service = v1::SessionService::AsyncService;
  builder.RegisterService(&service_);
  const auto serve = [this](Rpc rpc, auto receive, auto handler) {
    methods_.Add(service_, rpc, receive, handler);
  };
  serve(Rpc::kOpenSession, &Service::RequestOpenSession, handlers::OpenSession);
  serve(Rpc::kEndSession, &Service::RequestEndSession, handlers::EndSession);
  serve(Rpc::kHandOver, &Service::RequestHandOver, handlers::HandOver);
  serve(Rpc::kOpenVariable, &Service::RequestOpenVariable, handlers::OpenVariable);
  serve(Rpc::kPublish, &Service::RequestPublish, handlers::Publish);
  serve(Rpc::kRemoveVariable, &Service::RequestRemoveVariable, handlers::RemoveVariable);
  serve(Rpc::kLease, &Service::RequestLeaseChunk, handlers::LeaseChunk);
  serve(Rpc::kReturnLease, &Service::RequestReturnLease, handlers::ReturnLease);
}

void SessionService::Start() {
  methods_.Start();
  SessionStream::Post(lane_, context_.calls, callers_, service_);
}

}  // namespace percpud
