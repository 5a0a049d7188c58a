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
  // Without it, a child of a process that made calls cannot.
  setenv("GRPC_ENABLE_FORK_SUPPORT", "1", /*replace=*/0);
  // Its epoll set would be one with the parent's wherever gRPC skips its fork
  // handlers (a thread of it was busy), and the answers then wake the wrong
  // process; poll(2) shares nothing, and a client has few descriptors.
  setenv("GRPC_POLL_STRATEGY", "poll", /*replace=*/0);
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const CallOptions& options) {
  grpc::ChannelArguments arguments;
  // gRPC's own retries are off: they cost a seventh of a call, and only the
  // connection knows which calls may run twice.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A daemon is spoken to directly, whatever http_proxy says.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Else a daemon that restarts is not looked for again for a second, then
  // ever longer.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   Milliseconds(options.retry.initial_backoff));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(options.retry.max_backoff));
  // Equal channels share a connection, and a child must not share its parent's.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace percpu
