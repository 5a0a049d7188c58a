// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/memory_service.h"

namespace percpud {
namespace {

// Calls of each method that wait for a request at any time; gRPC queues what
// comes on top.
constexpr int kPostedCalls = 64;

}  // namespace

MemoryService::MemoryService(const MemoryContext& context, const Callers& callers,
                             grpc::ServerBuilder& builder)
    : context_(context), callers_(callers), lane_(builder) {
  builder.RegisterService(&service_);
}

void MemoryService::Start() {
  using Service = v1::MemoryService::AsyncService;
  // Base: the generated class that declares the method; Service has them all.
  const auto serve =
      [this]<typename Base, typename Request, typename Response>(
          Rpc rpc,
          void (Base::*receive)(grpc::ServerContext*, Request*,
                                grpc::ServerAsyncResponseWriter<Response>*, grpc::CompletionQueue*,
                                grpc::ServerCompletionQueue*, void*),
          Outcome (*handler)(MemoryContext&, const Caller&, Pace, const Request&, Response&)) {
        // Each lives on the queue and is deleted by the lane that drains it.
        for (int i = 0; i < kPostedCalls; ++i) {
          new HotCall<Base, Request, Response>({.lane = lane_,
                                                .callers = callers_,
                                                .memory = context_,
                                                .service = service_,
                                                .rpc = rpc,
                                                .receive = receive,
                                                .handler = handler});
        }
      };
  serve(Rpc::kPing, &Service::RequestPing, handlers::Ping);
  serve(Rpc::kAlloc, &Service::RequestAlloc, handlers::Alloc);
  serve(Rpc::kFree, &Service::RequestFree, handlers::Free);
  serve(Rpc::kRead, &Service::RequestRead, handlers::Read);
  serve(Rpc::kWrite, &Service::RequestWrite, handlers::Write);
  serve(Rpc::kAdd, &Service::RequestAdd, handlers::Add);
  serve(Rpc::kSum, &Service::RequestSum, handlers::Sum);
  lane_.Start();
}

}  // namespace percpud
