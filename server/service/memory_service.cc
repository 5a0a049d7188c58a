// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/memory_service.h"

namespace percpud {
namespace {

// Calls of each method that wait for a request at any time; gRPC queues what
// comes on top.
constexpr int kPostedCalls = 64;

}  // namespace

MemoryService::MemoryService(Allocator& allocator, const ServiceLimits& limits,
                             grpc::ServerBuilder& builder)
    : context_{.allocator = allocator, .limits = limits}, lane_(builder) {
  builder.RegisterService(&service_);
}

void MemoryService::Start() {
  using Service = v1::MemoryService::AsyncService;
  // Base: the generated class that declares the method; Service has them all.
  const auto serve = [this]<typename Base, typename Request, typename Response>(
                         void (Base::*receive)(grpc::ServerContext*, Request*,
                                               grpc::ServerAsyncResponseWriter<Response>*,
                                               grpc::CompletionQueue*, grpc::ServerCompletionQueue*,
                                               void*),
                         Outcome (*handler)(MemoryContext&, Pace, const Request&, Response&)) {
    // Each lives on the queue and is deleted by the lane that drains it.
    for (int i = 0; i < kPostedCalls; ++i) {
      new HotCall<Base, Request, Response>(lane_, context_, service_, receive, handler);
    }
  };
  serve(&Service::RequestPing, handlers::Ping);
  serve(&Service::RequestAlloc, handlers::Alloc);
  serve(&Service::RequestFree, handlers::Free);
  serve(&Service::RequestRead, handlers::Read);
  serve(&Service::RequestWrite, handlers::Write);
  serve(&Service::RequestAdd, handlers::Add);
  serve(&Service::RequestSum, handlers::Sum);
  lane_.Start();
}

}  // namespace percpud
