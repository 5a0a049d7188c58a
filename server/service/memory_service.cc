// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/memory_service.h"

namespace percpud {

MemoryService::MemoryService(const Calls& calls, const Callers& callers, HotLane& lane,
                             grpc::ServerBuilder& builder)
    : methods_(lane, callers, calls) {
  using Service = v1::MemoryService::AsyncService;
  builder.RegisterService(&service_);
  const auto serve = [this](Rpc rpc, auto receive, auto handler) {
    methods_.Add(service_, rpc, receive, handler);
  };
  serve(Rpc::kPing, &Service::RequestPing, handlers::Ping);
  serve(Rpc::kAlloc, &Service::RequestAlloc, handlers::Alloc);
  serve(Rpc::kFree, &Service::RequestFree, handlers::Free);
  serve(Rpc::kRead, &Service::RequestRead, handlers::Read);
  serve(Rpc::kWrite, &Service::RequestWrite, handlers::Write);
  serve(Rpc::kAdd, &Service::RequestAdd, handlers::Add);
  serve(Rpc::kSum, &Service::RequestSum, handlers::Sum);
}

}  // namespace percpud
