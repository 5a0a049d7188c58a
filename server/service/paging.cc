// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/paging.h"

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/base/limits.h"

namespace percpud {

absl::StatusOr<Page> ParsePage(absl::string_view method, std::int32_t page_size,
                               absl::string_view page_token) {
  if (page_size < 0) {
    return errors::FieldOutOfRange("page_size", page_size, 0,
                                   std::numeric_limits<std::int32_t>::max());
  }
  Page page{.first = 0,
            .size = page_size == 0 ? kDefaultListPage
                                   : std::min(static_cast<std::uint32_t>(page_size), kMaxListPage)};
  if (page_token.empty()) return page;
  absl::string_view key = page_token;
  // Written back and compared, so that every key has one spelling.
  if (!absl::ConsumePrefix(&key, absl::StrCat(method, ".")) ||
      !absl::SimpleHexAtoi(key, &page.first) || PageToken(method, page.first) != page_token) {
    return errors::BadPageToken(page_token);
  }
  return page;
}

std::string PageToken(absl::string_view method, std::uint64_t next) {
  return absl::StrCat(method, ".", absl::Hex(next));
}

}  // namespace percpud
