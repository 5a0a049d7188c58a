// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_PAGES_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_PAGES_H_

#include <utility>

#include "absl/status/status.h"

namespace percpu::wire {

// Follows next_page_token to the end. Calls list(request), which returns a StatusOr of one
// page, and take(page) with each page. Returns the first error.
template <typename Request, typename List, typename Take>
absl::Status ForEachPage(Request request, List list, Take take) {
  do {
    auto page = list(request);
    if (!page.ok()) return page.status();
    request.set_page_token(page->next_page_token());
    take(*std::move(page));
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

}  // namespace percpu::wire

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_PAGES_H_
