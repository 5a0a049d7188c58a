// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_FIELD_H_
#define PERCPUD_SERVER_GATEWAY_FIELD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace percpud::gateway {

// One field of a header or of a trailer.
struct Field {
  std::string name;
  std::string value;

  friend bool operator==(const Field&, const Field&) = default;
};
using Fields = std::vector<Field>;

// The value of a grpc-message with no blank at either end, where HTTP/2 allows none and gRPC
// leaves those of the message.
std::string EncodeEnds(absl::string_view value);

// What a call ends with, for a status: grpc-status, grpc-message, and the reason if it has one.
Fields TrailersOf(const absl::Status& status);
// The same as the whole answer of a call that was not passed on.
Fields AnswerOf(const absl::Status& status);
// The value of the first field of that name; empty if there is none.
absl::string_view Find(const Fields& fields, absl::string_view name);

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_FIELD_H_
