// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How channels are made, to members of etcd and to hosts alike.

#ifndef PERCPUD_SERVER_FLEET_CHANNELS_H_
#define PERCPUD_SERVER_FLEET_CHANNELS_H_

#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "server/fleet/certificate.h"

namespace percpud::fleet {

// What the other side puts up with, and how long the agent waits.
struct ChannelTimes {
  // Between two questions whether the other side is still there, and for the answer.
  absl::Duration ping;
  absl::Duration ping_patience = {};
  // Between two attempts to connect.
  absl::Duration first_retry = {};
  absl::Duration last_retry = {};
};

// Arguments of a channel of its own, without retries and without a proxy. `server_name` is the
// name that the certificate there has instead of the address's; empty for the address's own.
grpc::ChannelArguments MakeChannelArguments(const ChannelTimes& times,
                                            const std::string& server_name);

// TLS by that certificate.
std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(const Certificate& certificate);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_CHANNELS_H_
