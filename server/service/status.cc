// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/status.h"

#include <string>

#include "proto/percpud/v1/status_details.h"
#include "server/base/error_reason.h"
#include "server/base/refusal_log.h"

namespace percpud {

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  LogRefusal(status);
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
          v1::MakeStatusDetails(status, errors::ReasonOf(status))};
}

}  // namespace percpud
