// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CHANNEL_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "percpu/options.h"

namespace percpu {

// What gRPC reads of the environment when it starts; to be called before.
void PrepareGrpcForForks();

// A channel of this process's own to the daemon. gRPC starts threads with the
// first one, which a fork would lose.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const CallOptions& options);

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CHANNEL_H_
