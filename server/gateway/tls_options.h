// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_TLS_OPTIONS_H_
#define PERCPUD_SERVER_GATEWAY_TLS_OPTIONS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/tls/material.h"

namespace percpud::gateway {

// How the gateway serves TLS. Plain data.
struct TlsOptions {
  tls::Files files;
  // A peer without a certificate is refused; otherwise it is nobody, and may ask for health.
  bool client_cert_auth = true;
  // How often the files are read.
  absl::Duration check_interval = absl::Seconds(10);
  // Handshakes cost more than anything else that a stranger can ask for.
  std::uint32_t handshakes_per_second = 50;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_TLS_OPTIONS_H_
