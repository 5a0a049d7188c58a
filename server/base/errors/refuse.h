// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How the sources of the catalogue make a status. For them only.

#ifndef PERCPUD_SERVER_BASE_ERRORS_REFUSE_H_
#define PERCPUD_SERVER_BASE_ERRORS_REFUSE_H_

#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"

namespace percpud::errors {

using Code = absl::StatusCode;

// A status of that code and reason. Its message joins `parts` as absl::StrCat does.
template <typename... Parts>
absl::Status Refuse(Code code, Reason reason, const Parts&... parts) {
  return WithReason(absl::Status(code, absl::StrCat(parts...)), reason);
}

// "No space left on device".
inline std::string ErrnoText(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace percpud::errors

#endif  // PERCPUD_SERVER_BASE_ERRORS_REFUSE_H_
