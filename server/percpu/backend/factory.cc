// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/errors.h"
#include "server/percpu/backend/backend.h"
#include "server/percpu/backend/km.h"

namespace percpud {
namespace {

struct Entry {
  absl::string_view name;
  std::unique_ptr<Backend> (*make)(const AllocInfo& info, PageSource& pages);
};

template <typename T>
std::unique_ptr<Backend> Make(const AllocInfo& info, PageSource& pages) {
  return std::make_unique<T>(info, pages);
}

constexpr Entry kBackends[] = {
    {"km", Make<KmBackend>},
};

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> MakeBackend(absl::string_view name, const AllocInfo& info,
                                                     PageSource& pages) {
  for (const Entry& entry : kBackends) {
    if (entry.name == name) return entry.make(info, pages);
  }
  return errors::BadConfig(
      "backend", absl::StrCat("\"", name, "\" is none of: ", absl::StrJoin(BackendNames(), ", ")));
}

std::vector<absl::string_view> BackendNames() {
  std::vector<absl::string_view> names;
  for (const Entry& entry : kBackends) names.push_back(entry.name);
  return names;
}

}  // namespace percpud
