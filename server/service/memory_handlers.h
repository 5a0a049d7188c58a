// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What MemoryService's methods do: read the request, have session/calls.h check and serve
// it, write the answer. One function serves the unary call and the stream's message.
// Who calls is known by now (callers.h). Thread safe.

#ifndef PERCPUD_SERVER_SERVICE_MEMORY_HANDLERS_H_
#define PERCPUD_SERVER_SERVICE_MEMORY_HANDLERS_H_

#include "percpud/v1/memory.pb.h"
#include "server/service/unary_call.h"
#include "server/session/access/caller.h"
#include "server/session/calls.h"

namespace percpud {

namespace handlers {

Outcome Ping(const Calls& calls, const Caller& caller, Pace pace, const v1::PingRequest& request,
             v1::PingResponse& response);
Outcome Alloc(const Calls& calls, const Caller& caller, Pace pace, const v1::AllocRequest& request,
              v1::AllocResponse& response);
Outcome Free(const Calls& calls, const Caller& caller, Pace pace, const v1::FreeRequest& request,
             v1::FreeResponse& response);
Outcome Read(const Calls& calls, const Caller& caller, Pace pace, const v1::ReadRequest& request,
             v1::ReadResponse& response);
Outcome Write(const Calls& calls, const Caller& caller, Pace pace, const v1::WriteRequest& request,
              v1::WriteResponse& response);
Outcome Add(const Calls& calls, const Caller& caller, Pace pace, const v1::AddRequest& request,
            v1::AddResponse& response);
Outcome Sum(const Calls& calls, const Caller& caller, Pace pace, const v1::SumRequest& request,
            v1::SumResponse& response);

}  // namespace handlers
}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_MEMORY_HANDLERS_H_
