// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/paging.h"

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/base/status_macros.h"

namespace percpud {
namespace {

absl::StatusOr<std::uint32_t> ParseSize(std::int32_t page_size) {
  if (page_size < 0) {
    return errors::FieldOutOfRange("page_size", page_size, 0,
                                   std::numeric_limits<std::int32_t>::max());
  }
  if (page_size == 0) return kDefaultListPage;
  return std::min(static_cast<std::uint32_t>(page_size), kMaxListPage);
}

}  // namespace

absl::StatusOr<Page> ParsePage(absl::string_view method, std::int32_t page_size,
                               absl::string_view page_token) {
  Page page;
  ASSIGN_OR_RETURN(page.size, ParseSize(page_size));
  if (page_token.empty()) return page;
  absl::string_view key = page_token;
  // Written back and compared, so that every key has one spelling.
  if (!absl::ConsumePrefix(&key, absl::StrCat(method, ".")) ||
      !absl::SimpleHexAtoi(key, &page.first) || PageToken(method, page.first) != page_token) {
    return errors::BadPageToken(page_token);
  }
  return page;
}

absl::StatusOr<NamePage> ParseNamePage(absl::string_view method, std::int32_t page_size,
                                       absl::string_view page_token) {
  NamePage page;
  ASSIGN_OR_RETURN(page.size, ParseSize(page_size));
  if (page_token.empty()) return page;
  absl::string_view key = page_token;
  // Checked before it is decoded: the decoder takes whatever comes.
  const bool fits = absl::ConsumePrefix(&key, absl::StrCat(method, ".")) &&
                    key.size() <= 2 * kMaxNameLength && key.size() % 2 == 0;
  if (fits) page.after = absl::HexStringToBytes(key);
  if (!fits || page.after.empty() || NamePageToken(method, page.after) != page_token) {
    return errors::BadPageToken(page_token);
  }
  return page;
}

std::string PageToken(absl::string_view method, std::uint64_t next) {
  return absl::StrCat(method, ".", absl::Hex(next));
}

std::string NamePageToken(absl::string_view method, absl::string_view last) {
  return absl::StrCat(method, ".", absl::BytesToHexString(last));
}

}  // namespace percpud
