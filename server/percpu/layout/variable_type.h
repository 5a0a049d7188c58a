// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_LAYOUT_VARIABLE_TYPE_H_
#define PERCPUD_SERVER_PERCPU_LAYOUT_VARIABLE_TYPE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/units.h"

namespace percpud {

// How a variable's bytes are to be read. The daemon only keeps it.
enum class VariableType { kCounter, kGauge, kHistogram, kBytes };

// "counter", "gauge", "histogram" or "bytes".
absl::string_view Name(VariableType type);
// The type of that name. Errors: BadConfig for any other.
absl::StatusOr<VariableType> ParseVariableType(absl::string_view name);

// Refuses a variable that could not be counted in. A counter or gauge is one
// integer of 8 bytes, a histogram a row of them, and each is updated whole, so
// its alignment is 8 or more. Bytes may have any size. Errors (INVALID_ARGUMENT)
// name size or alignment.
absl::Status CheckShape(VariableType type, Bytes size, Bytes alignment);

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_LAYOUT_VARIABLE_TYPE_H_
