// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// MemoryService, one function per RPC in four beats: validate, look up, act,
// convert. A refused request leaves `response` unspecified and everything else
// unchanged. That the caller's role suffices is seen to before (callers.h); whose
// an area is, here. Thread safe, as the allocator is.

#ifndef PERCPUD_SERVER_SERVICE_MEMORY_HANDLERS_H_
#define PERCPUD_SERVER_SERVICE_MEMORY_HANDLERS_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "percpud/v1/memory.pb.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/updater.h"
#include "server/service/service_limits.h"
#include "server/session/access/caller.h"
#include "server/session/sessions.h"

namespace percpud {

// What every handler works on.
struct MemoryContext {
  Allocator& allocator;
  Sessions& sessions;
  const Updater& updater;
  ServiceLimits limits;
};

// Whether the thread may sleep: the hot one may not.
enum class Pace { kMustNotSleep, kMaySleep };

// A handler's answer; nullopt, at kMustNotSleep only, asks for another call at
// kMaySleep.
using Outcome = std::optional<absl::Status>;

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
