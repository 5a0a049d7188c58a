// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// AIP-158 paging over lists whose entries have ascending keys: a page token is the key
// to go on from, written so that nobody is tempted to make one up. An entry that is there
// all the time is therefore shown once, whatever comes and goes between two pages.

#ifndef PERCPUD_SERVER_SERVICE_PAGING_H_
#define PERCPUD_SERVER_SERVICE_PAGING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace percpud {

// A page of a list with numbers for keys.
struct Page {
  // The least key to show.
  std::uint64_t first = 0;
  // Entries at most.
  std::uint32_t size = 0;
};

// A page of a list with names for keys.
struct NamePage {
  // Keys behind this one are shown; all, if it is empty.
  std::string after;
  // Entries at most.
  std::uint32_t size = 0;
};

// A size of 0 asks for the default; a size above the limit is cut to it. Errors:
// FieldOutOfRange, for a negative size; BadPageToken, for one that was not written for
// `method`.
absl::StatusOr<Page> ParsePage(absl::string_view method, std::int32_t page_size,
                               absl::string_view page_token);
absl::StatusOr<NamePage> ParseNamePage(absl::string_view method, std::int32_t page_size,
                                       absl::string_view page_token);

// The token of the page that begins with key `next`, or behind the name `last`.
std::string PageToken(absl::string_view method, std::uint64_t next);
std::string NamePageToken(absl::string_view method, absl::string_view last);

// Answers one page of a list that does not change, or of a copy: `add` takes entries by
// index.
template <typename Request, typename Response, typename Add>
absl::Status ListByIndex(absl::string_view method, const Request& request, std::size_t count,
                         Response& response, Add add) {
  const absl::StatusOr<Page> page = ParsePage(method, request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  const std::uint64_t first = std::min<std::uint64_t>(page->first, count);
  const std::uint64_t end = std::min<std::uint64_t>(first + page->size, count);
  for (std::uint64_t i = first; i < end; ++i) add(i);
  if (end < count) response.set_next_page_token(PageToken(method, end));
  return absl::OkStatus();
}

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_PAGING_H_
