// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_LAYOUT_VARIABLE_TYPE_H_
#define PERCPUD_SERVER_PERCPU_LAYOUT_VARIABLE_TYPE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace percpud {

// How a variable's bytes are to be read. The daemon only keeps it.
enum class VariableType { kCounter, kGauge, kHistogram, kBytes };

// "counter", "gauge", "histogram" or "bytes".
absl::string_view Name(VariableType type);
// The type of that name. Errors: BadConfig for any other.
absl::StatusOr<VariableType> ParseVariableType(absl::string_view name);

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_LAYOUT_VARIABLE_TYPE_H_
