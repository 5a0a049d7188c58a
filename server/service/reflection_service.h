// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_REFLECTION_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_REFLECTION_SERVICE_H_

#include <grpcpp/server_builder.h>

#include <string>
#include <utility>
#include <vector>

#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "server/service/callers.h"
#include "server/service/hot_lane.h"
#include "server/service/stream_gate.h"

namespace percpud {

// gRPC's server reflection on the hot lane, so that its streams are admitted and
// counted as others are: gRPC's own service keeps a thread for each stream.
class ReflectionService {
 public:
  // Everything outlives the lane's thread. `services`: the names to list. Registers with
  // `builder`.
  ReflectionService(std::vector<std::string> services, const Callers& callers, StreamGate& gate,
                    HotLane& lane, grpc::ServerBuilder& builder)
      : services_(std::move(services)), callers_(callers), gate_(gate), lane_(lane) {
    builder.RegisterService(&service_);
  }

  // REQUIRES: the server is built, and the lane's thread is not started.
  void Start() { Post(); }

 private:
  class Stream;

  void Post();

  const std::vector<std::string> services_;
  const Callers& callers_;
  StreamGate& gate_;
  HotLane& lane_;
  grpc::reflection::v1alpha::ServerReflection::AsyncService service_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_REFLECTION_SERVICE_H_
