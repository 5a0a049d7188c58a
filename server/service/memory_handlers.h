// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What MemoryService's methods do: check the request, act, write the answer. One
// function serves the unary call and the stream's message. Who calls is known by now
// (callers.h); what calls of the side door's lane share is in session/calls.h. Thread
// safe, as the allocator is.

#ifndef PERCPUD_SERVER_SERVICE_MEMORY_HANDLERS_H_
#define PERCPUD_SERVER_SERVICE_MEMORY_HANDLERS_H_

#include "percpud/v1/memory.pb.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/updater.h"
#include "server/service/service_limits.h"
#include "server/service/unary_call.h"
#include "server/session/access/caller.h"
#include "server/session/calls.h"
#include "server/session/sessions.h"

namespace percpud {

// What every handler works on.
struct MemoryContext {
  Allocator& allocator;
  Sessions& sessions;
  const Updater& updater;
  ServiceLimits limits;
  Calls calls{allocator, sessions, updater, {.batch = limits.batch}};
};

namespace handlers {

Outcome Ping(MemoryContext& context, const Caller& caller, Pace pace,
             const v1::PingRequest& request, v1::PingResponse& response);
Outcome Alloc(MemoryContext& context, const Caller& caller, Pace pace,
              const v1::AllocRequest& request, v1::AllocResponse& response);
Outcome Free(MemoryContext& context, const Caller& caller, Pace pace,
             const v1::FreeRequest& request, v1::FreeResponse& response);
Outcome Read(MemoryContext& context, const Caller& caller, Pace pace,
             const v1::ReadRequest& request, v1::ReadResponse& response);
Outcome Write(MemoryContext& context, const Caller& caller, Pace pace,
              const v1::WriteRequest& request, v1::WriteResponse& response);
Outcome Add(MemoryContext& context, const Caller& caller, Pace pace, const v1::AddRequest& request,
            v1::AddResponse& response);
Outcome Sum(MemoryContext& context, const Caller& caller, Pace pace, const v1::SumRequest& request,
            v1::SumResponse& response);

}  // namespace handlers
}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_MEMORY_HANDLERS_H_
