// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_CHANNELZ_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_CHANNELZ_SERVICE_H_

#include <grpcpp/server_builder.h>

#include "grpc/channelz/v1/channelz.grpc.pb.h"
#include "server/service/callers.h"
#include "server/service/hot_lane.h"
#include "server/service/unary_call.h"

namespace percpud {

// grpc.channelz.v1: what gRPC knows of its connections. It runs on the lane of all others,
// so that its callers are admitted: gRPC's own service answers anybody.
class ChannelzService {
 public:
  // What gRPC knows is the process's.
  struct Context {};

  // Everything outlives the lane's thread. Registers with `builder`.
  ChannelzService(const Callers& callers, HotLane& lane, grpc::ServerBuilder& builder);

  // REQUIRES: the server is built, and the lane's thread is not started.
  void Start() { methods_.Start(); }

 private:
  Context context_;
  grpc::channelz::v1::Channelz::AsyncService service_;
  UnaryMethods<Context> methods_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_CHANNELZ_SERVICE_H_
