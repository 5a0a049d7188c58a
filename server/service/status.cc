// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/status.h"

#include <cstdint>
#include <string>

#include "percpud/v1/status.pb.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/error_reason.h"
#include "server/base/refusal_log.h"

namespace percpud {

namespace {

// Empty if the status has no reason.
std::string DetailsOf(const absl::Status& status) {
  const absl::string_view reason = errors::ReasonOf(status);
  if (reason.empty()) return {};
  v1::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(abi::v1::kErrorDomain);
  v1::StatusDetails details;
  details.set_code(static_cast<std::int32_t>(status.code()));
  details.set_message(std::string(status.message()));
  google::protobuf::Any& any = *details.add_details();
  any.set_type_url(abi::v1::kErrorInfoUrl);
  any.set_value(info.SerializeAsString());
  return details.SerializeAsString();
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  LogRefusal(status);
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
          DetailsOf(status)};
}

}  // namespace percpud
