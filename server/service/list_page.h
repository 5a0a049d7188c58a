// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_LIST_PAGE_H_
#define PERCPUD_SERVER_SERVICE_LIST_PAGE_H_

#include <grpcpp/support/status.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/service/paging.h"
#include "server/service/status.h"

namespace percpud {

// Answers one page of a list that lies in memory: `add` takes entries by index.
template <typename Request, typename Response, typename Add>
grpc::Status ListPage(absl::string_view method, const Request& request, std::size_t count,
                      Response& response, Add add) {
  const absl::StatusOr<Page> page = ParsePage(method, request.page_size(), request.page_token());
  if (!page.ok()) return ToGrpc(page.status());
  const std::uint64_t first = std::min<std::uint64_t>(page->first, count);
  const std::uint64_t end = std::min<std::uint64_t>(first + page->size, count);
  for (std::uint64_t i = first; i < end; ++i) add(i);
  if (end < count) response.set_next_page_token(PageToken(method, end));
  return grpc::Status::OK;
}

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_LIST_PAGE_H_
