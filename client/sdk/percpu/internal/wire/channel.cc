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

// A host that vanished says nothing, and its connection would stay for hours. The gateway
// answers pings that are 5 s or more apart.
void KeepAlive(grpc::ChannelArguments& arguments) {
  constexpr absl::Duration kAsk = absl::Seconds(10);
  constexpr absl::Duration kAnswer = absl::Seconds(3);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kAsk));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kAnswer));
  // Otherwise gRPC stops after two that no data came between.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const wire::TlsMaterial& tls) {
  return grpc::SslCredentials({.pem_root_certs = tls.authorities,
                               .pem_private_key = tls.key,
                               .pem_cert_chain = tls.certificate});
}

bool IsUnix(const std::string& target) { return target.rfind("unix:", 0) == 0; }

}  // namespace

void PrepareGrpcForForks() {
  // Without this, a child of a process that made calls cannot make any.
  setenv("GRPC_ENABLE_FORK_SUPPORT", "1", /*replace=*/0);
  // gRPC skips its fork handlers if one of its threads is busy. A child would then share
  // its parent's epoll set, and answers would wake the wrong process. poll(2) shares
  // nothing, and a client has few descriptors.
  setenv("GRPC_POLL_STRATEGY", "poll", /*replace=*/0);
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const CallOptions& options,
                                           const wire::TlsMaterial* tls) {
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
  if (!IsUnix(address)) KeepAlive(arguments);
  if (tls != nullptr) {
    if (!tls->server_name.empty()) arguments.SetSslTargetNameOverride(tls->server_name);
    return grpc::CreateCustomChannel(address, CredentialsOf(*tls), arguments);
  }
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace percpu
