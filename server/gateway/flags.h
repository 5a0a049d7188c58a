// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_FLAGS_H_
#define PERCPUD_SERVER_GATEWAY_FLAGS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/limits.h"
#include "server/base/units.h"
#include "server/gateway/tls_options.h"

namespace percpud::gateway {

// What percpud-gateway is told. Plain data.
struct Flags {
  // A service of its own binds these and connects to percpud's socket at the path.
  std::vector<std::string> listen;
  std::string daemon_path;
  // A percpud that starts the gateway gives it these instead.
  std::vector<int> listen_fds;
  // The same for TLS.
  std::vector<std::string> tls_listen;
  std::vector<int> tls_listen_fds;
  TlsOptions tls;
  int daemon_fd = -1;
  pid_t parent = 0;
  Bytes message_limit = kDefaultMessage;
  // Set if the process is to end at once.
  std::optional<int> exit_code;
};

// Errors: BadConfig, naming the flag.
absl::StatusOr<Flags> ParseFlags(int argc, const char* const* argv);

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_FLAGS_H_
