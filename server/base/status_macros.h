// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Handing a failure on, in one line. For sources only: a header that others
// include defines no macros.

#ifndef PERCPUD_SERVER_BASE_STATUS_MACROS_H_
#define PERCPUD_SERVER_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the status from the enclosing function unless it is OK.
//
//   RETURN_IF_ERROR(Validate(specs));
#define RETURN_IF_ERROR(expression)                                                               \
  do {                                                                                            \
    if (absl::Status status_of_macro = (expression); ABSL_PREDICT_FALSE(!status_of_macro.ok())) { \
      return status_of_macro;                                                                     \
    }                                                                                             \
  } while (false)

// Assigns the value of a StatusOr, or returns its status. `target` may be a
// declaration; one with a comma in it needs parentheses around the type's alias.
//
//   ASSIGN_OR_RETURN(const Chunk* chunk, FindChunk(id));
#define ASSIGN_OR_RETURN(target, expression) \
  PERCPUD_ASSIGN_OR_RETURN_(PERCPUD_JOIN_(status_or_of_line_, __LINE__), target, expression)

#define PERCPUD_ASSIGN_OR_RETURN_(result, target, expression)              \
  auto result = (expression);                                              \
  if (ABSL_PREDICT_FALSE(!result.ok())) return std::move(result).status(); \
  target = *std::move(result)
#define PERCPUD_JOIN_(left, right) PERCPUD_JOIN_NOW_(left, right)
#define PERCPUD_JOIN_NOW_(left, right) left##right

#endif  // PERCPUD_SERVER_BASE_STATUS_MACROS_H_
