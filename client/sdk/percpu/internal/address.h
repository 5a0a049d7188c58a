// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_ADDRESS_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_ADDRESS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace percpu {

// The address of a daemon, as a user wrote it. A plain value.
struct Address {
  // Parses "unix:PATH", "unix:///PATH", a PATH with a slash in it, "tls:HOST:PORT" and
  // "HOST:PORT". Errors: INVALID_ARGUMENT for anything else.
  static absl::StatusOr<Address> Parse(std::string_view text);

  // gRPC connects to this: "unix:PATH" or "HOST:PORT".
  std::string target;
  // The socket's path; empty for an address that is not on this host.
  std::string path;
  // Whether TLS is spoken there.
  bool tls = false;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_ADDRESS_H_
