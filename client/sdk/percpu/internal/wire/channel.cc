// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/time/time.h"

namespace percpu {
namespace {

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(
      std::clamp<std::int64_t>(absl::ToInt64Milliseconds(duration), 0, 1 << 30));
}

}  // namespace

void PrepareGrpcForForks() {
  // Without this, a child of a process that made calls cannot make any.
  setenv("GRPC_ENABLE_FORK_SUPPORT", "1", /*replace=*/0);
  // gRPC skips its fork handlers if one of its threads is busy. A child would then share
  // its parent's epoll set, and answers would wake the wrong process. poll(2) shares
  // nothing, and a client has few descriptors.
  setenv("GRPC_POLL_STRATEGY", "poll", /*replace=*/0);
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const CallOptions& options) {
  grpc::ChannelArguments arguments;
  // gRPC's own retries are off. They cost a seventh of a call, and only the caller knows
  // which calls may run twice.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // The daemon is called directly, whatever http_proxy says.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // By default gRPC looks for a daemon that restarts after a second, and then ever later.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   Milliseconds(options.retry.initial_backoff));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(options.retry.max_backoff));
  // Equal channels share a connection by default, and a child must not share its parent's.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace percpu
