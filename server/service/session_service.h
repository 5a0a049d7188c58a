// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_SESSION_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_SESSION_SERVICE_H_

#include <grpcpp/server_builder.h>

#include "percpud/v1/session.grpc.pb.h"
#include "server/service/callers.h"
#include "server/service/hot_lane.h"
#include "server/service/memory_handlers.h"
#include "server/service/session_handlers.h"
#include "server/service/unary_call.h"

namespace percpud {

// SessionService on the hot lane. No logic of its own: it ties each RPC to its handler,
// and Attach to session_stream.h.
class SessionService {
 public:
  // Everything outlives the lane's thread. Registers with `builder`.
  SessionService(const SessionContext& context, const Callers& callers, HotLane& lane,
                 grpc::ServerBuilder& builder);

  // REQUIRES: the server is built, and the lane's thread is not started.
  void Start();

 private:
  SessionContext context_;
  const Callers& callers_;
  HotLane& lane_;
  v1::SessionService::AsyncService service_;
  UnaryMethods<SessionContext> methods_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_SESSION_SERVICE_H_
