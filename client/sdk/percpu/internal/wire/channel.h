// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CHANNEL_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "percpu/internal/wire/target.h"
#include "percpu/options.h"

namespace percpu {

// Sets the environment that gRPC reads when it starts. REQUIRES: to have an effect, it is
// called before gRPC starts.
void PrepareGrpcForForks();

// Makes a channel of this process's own to the daemon at a Unix socket or over plain TCP,
// or with what `tls` holds, which may be null. gRPC starts threads with the first
// channel, and a fork would lose them.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const CallOptions& options,
                                           const wire::TlsMaterial* tls = nullptr);

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CHANNEL_H_
