// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_HOST_PORT_H_
#define PERCPUD_SERVER_BASE_HOST_PORT_H_

#include "absl/strings/string_view.h"

namespace percpud {

// Whether that is "HOST:PORT", with a name or an address as HOST; one of IPv6 has brackets. gRPC
// takes much else for a target, and would connect to a socket of this host by "unix:/PATH:1", or
// ask a server of names that the text brings along. A host that is called as one of gRPC's schemes
// is written with a dot behind it: "dns.:80".
bool IsHostAndPort(absl::string_view text);

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_HOST_PORT_H_
