// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/reason.h"

#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "percpu/internal/wire/reason.h"
#include "percpud/v1/status.pb.h"
#include "proto/percpud/abi/v1/wire.h"
#include "proto/percpud/v1/status_details.h"

namespace percpu {

namespace abi = ::percpud::abi::v1;
namespace v1 = ::percpud::v1;

// The payload is the packed ErrorInfo under its own URL, as in other libraries of gRPC.
absl::Status WithReason(absl::Status status, const std::string& reason) {
  if (status.ok() || reason.empty()) return status;
  status.SetPayload(abi::kErrorInfoUrl, absl::Cord(v1::MakeErrorInfo(reason)));
  return status;
}

absl::Status WithDetails(absl::Status status, const std::string& details) {
  v1::StatusDetails parsed;
  if (status.ok() || !parsed.ParseFromString(details)) return status;
  for (const google::protobuf::Any& any : parsed.details()) {
    if (any.type_url() == abi::kErrorInfoUrl)
      status.SetPayload(any.type_url(), absl::Cord(any.value()));
  }
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(abi::kErrorInfoUrl);
  v1::ErrorInfo info;
  if (!payload || !info.ParseFromString(std::string(*payload))) return {};
  return info.domain() == abi::kErrorDomain ? info.reason() : std::string();
}

}  // namespace percpu
