// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_PROTO_PERCPUD_V1_STATUS_DETAILS_H_
#define PERCPUD_PROTO_PERCPUD_V1_STATUS_DETAILS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "percpud/v1/status.pb.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpud::v1 {

// The ErrorInfo of a refusal of that name, as bytes.
inline std::string MakeErrorInfo(absl::string_view reason) {
  ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(abi::v1::kErrorDomain);
  return info.SerializeAsString();
}

// The details of a status, as they ride in a call's trailing metadata; empty without a reason.
inline std::string MakeStatusDetails(const absl::Status& status, absl::string_view reason) {
  if (reason.empty()) return {};
  StatusDetails details;
  details.set_code(static_cast<std::int32_t>(status.code()));
  details.set_message(std::string(status.message()));
  google::protobuf::Any& any = *details.add_details();
  any.set_type_url(abi::v1::kErrorInfoUrl);
  any.set_value(MakeErrorInfo(reason));
  return details.SerializeAsString();
}

}  // namespace percpud::v1

#endif  // PERCPUD_PROTO_PERCPUD_V1_STATUS_DETAILS_H_
