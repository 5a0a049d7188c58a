// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_TARGET_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_TARGET_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/options.h"

namespace percpu::wire {

// What the files of TlsOptions hold, checked. A plain value.
struct TlsMaterial {
  std::string authorities;
  // Empty for a client that is nobody.
  std::string certificate;
  std::string key;
  // Empty: the address's host.
  std::string server_name;
};

// Reads and checks what `options` and the environment name. Errors: INVALID_ARGUMENT with the
// field, the path, and what is wrong.
absl::StatusOr<TlsMaterial> ReadTls(TlsOptions options);

// Where a channel goes, and what it needs to go there. A plain value, read before a process
// forks or gRPC starts.
struct Target {
  // For any text: what is wrong with it is in `status`.
  static Target Of(std::string_view address, const CallOptions& options);

  // gRPC's name of it: "unix:PATH" or "HOST:PORT".
  std::string name;
  // Set if TLS is spoken there.
  std::optional<TlsMaterial> tls;
  // Not OK: no call can be made.
  absl::Status status;
};

}  // namespace percpu::wire

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_TARGET_H_
