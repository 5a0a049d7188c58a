// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_STATUS_H_
#define PERCPUD_SERVER_SERVICE_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace percpud {

// Turns a status of ours into gRPC's, in this one place. The codes are the same numbers
// by definition. The reason of a refusal rides along as google.rpc.ErrorInfo
// (status.proto).
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_STATUS_H_
