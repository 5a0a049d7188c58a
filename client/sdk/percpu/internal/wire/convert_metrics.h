// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Families and cells, from the wire's messages to the SDK's values.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CONVERT_METRICS_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CONVERT_METRICS_H_

#include <vector>

#include "percpu/metrics_connection.h"
#include "percpud/v1/metrics.pb.h"

namespace percpu::wire {

// Returns the SDK's enumerator of the same number; the first one for a number that is not known.
// `last` is the last one that is.
template <typename To, typename From>
To FromProtoEnum(From value, To last) {
  const int number = value;
  return number >= 0 && number <= static_cast<int>(last) ? static_cast<To>(number) : To{};
}

FamilyShape FromProto(const ::percpud::v1::FamilyShape& shape);
std::vector<CellSum> FromProto(
    const google::protobuf::RepeatedPtrField<::percpud::v1::CellSum>& cells);

}  // namespace percpu::wire

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CONVERT_METRICS_H_
