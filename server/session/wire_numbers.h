// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The numbers by which requests name what is an enum here. The side door's lane and
// gRPC have the same ones: those of percpud.v1.Region and percpud.v1.VariableType.

#ifndef PERCPUD_SERVER_SESSION_WIRE_NUMBERS_H_
#define PERCPUD_SERVER_SESSION_WIRE_NUMBERS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "proto/percpud/abi/v1/lane_numbers.h"
#include "server/percpu/index/chunk_kind.h"
#include "server/percpu/layout/variable_type.h"

namespace percpud {

constexpr std::uint8_t NumberOf(Region region) {
  return abi::v1::RegionNumbers<Region>::NumberOf(region);
}
constexpr std::uint8_t NumberOf(VariableType type) {
  return abi::v1::VariableTypeNumbers<VariableType>::NumberOf(type);
}

// Reads a region that a request names; 0 is the dynamic one. Errors: UnknownEnum.
absl::StatusOr<Region> RegionFrom(int number);
// Reads the type of a variable; 0 is kBytes. Errors: UnknownEnum.
absl::StatusOr<VariableType> VariableTypeFrom(int number);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_WIRE_NUMBERS_H_
