// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What SessionService's unary methods do, on the work lane: check the request, act,
// write the answer. Each may sleep. Thread safe.

#ifndef PERCPUD_SERVER_SERVICE_SESSION_HANDLERS_H_
#define PERCPUD_SERVER_SERVICE_SESSION_HANDLERS_H_

#include "absl/status/status.h"
#include "percpud/v1/session.pb.h"
#include "server/session/access/caller.h"
#include "server/session/calls.h"
#include "server/session/sessions.h"

namespace percpud {

// What every handler works on.
struct SessionContext {
  Sessions& sessions;
  // What calls of the side door's lane share.
  const Calls& calls;
};

namespace handlers {

// The caller, and which of its requests this is.
template <typename Request>
Caller WithRequest(const Caller& caller, const Request& request) {
  Caller out = caller;
  out.request = RequestId(request.request_id());
  return out;
}

absl::Status OpenSession(SessionContext& context, const Caller& caller,
                         const v1::OpenSessionRequest& request, v1::OpenSessionResponse& response);
absl::Status EndSession(SessionContext& context, const Caller& caller,
                        const v1::EndSessionRequest& request, v1::EndSessionResponse& response);
absl::Status HandOver(SessionContext& context, const Caller& caller,
                      const v1::HandOverRequest& request, v1::HandOverResponse& response);
absl::Status OpenVariable(SessionContext& context, const Caller& caller,
                          const v1::OpenVariableRequest& request,
                          v1::OpenVariableResponse& response);
absl::Status Publish(SessionContext& context, const Caller& caller,
                     const v1::PublishRequest& request, v1::PublishResponse& response);
absl::Status RemoveVariable(SessionContext& context, const Caller& caller,
                            const v1::RemoveVariableRequest& request,
                            v1::RemoveVariableResponse& response);
absl::Status LeaseChunk(SessionContext& context, const Caller& caller,
                        const v1::LeaseChunkRequest& request, v1::LeaseChunkResponse& response);
absl::Status ReturnLease(SessionContext& context, const Caller& caller,
                         const v1::ReturnLeaseRequest& request, v1::ReturnLeaseResponse& response);

}  // namespace handlers
}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_SESSION_HANDLERS_H_
