// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_PAGING_H_
#define PERCPUD_SERVER_SERVICE_PAGING_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace percpud {

// AIP-158 paging over lists whose entries have ascending keys: a page token is
// the key to go on from, written so that nobody is tempted to make one up.
struct Page {
  std::uint64_t first = 0;
  std::uint32_t size = 0;
};

// 0 asks for the default size; more than the most is cut to it. Errors: a
// negative size, a token this daemon did not write for `method`.
absl::StatusOr<Page> ParsePage(absl::string_view method, std::int32_t page_size,
                               absl::string_view page_token);
std::string PageToken(absl::string_view method, std::uint64_t next);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_PAGING_H_
