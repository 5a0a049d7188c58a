// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_METHODS_H_
#define PERCPUD_SERVER_GATEWAY_METHODS_H_

#include <cstdint>
#include <span>

#include "absl/strings/string_view.h"

namespace percpud::gateway {

// What a caller may do at all, as in percpud (session/access), which decides in the end.
enum class Role : std::uint8_t { kAnonymous, kViewer, kClient, kOperator };

absl::string_view Name(Role role);

// A method that percpud serves.
struct Method {
  // "/percpud.v1.MemoryService/Ping".
  absl::string_view path;
  // Who has less is refused at the gateway.
  Role least;
  // A call goes on for as long as the client likes.
  bool streams_requests = false;

  // "Ping".
  [[nodiscard]] absl::string_view name() const { return path.substr(path.rfind('/') + 1); }
};

// Every method that percpud serves.
std::span<const Method> Methods();
// Null if percpud serves none of that path.
const Method* FindMethod(absl::string_view path);

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_METHODS_H_
