// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_LISTEN_H_
#define PERCPUD_CLIENT_EXPORTER_LISTEN_H_

#include <string>

#include "absl/status/statusor.h"

namespace percpud::exporter {

// Returns a socket that listens at `address`, HOST:PORT or unix:PATH; the caller's to
// close. A host of IPv6 stands in brackets, and port 0 is any free one. A file at PATH
// on which nobody listens any more is replaced. Errors name the address.
absl::StatusOr<int> Listen(const std::string& address);

// Returns what a socket of ours listens at, as above.
std::string AddressOf(int socket);

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_LISTEN_H_
