// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/channels.h"

namespace percpud::fleet {
namespace {

// How long connecting may take.
constexpr absl::Duration kConnect = absl::Seconds(2);

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

grpc::ChannelArguments MakeChannelArguments(const ChannelTimes& times,
                                            const std::string& server_name) {
  grpc::ChannelArguments out;
  out.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(times.ping));
  out.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(times.ping_patience));
  out.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  out.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Milliseconds(times.first_retry));
  out.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Milliseconds(kConnect));
  out.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(times.last_retry));
  out.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  out.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // The other side is called directly, whatever http_proxy says.
  out.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!server_name.empty()) out.SetSslTargetNameOverride(server_name);
  return out;
}

std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(const Certificate& certificate) {
  return grpc::SslCredentials({.pem_root_certs = certificate.ca,
                               .pem_private_key = certificate.key,
                               .pem_cert_chain = certificate.certificate});
}

}  // namespace percpud::fleet
