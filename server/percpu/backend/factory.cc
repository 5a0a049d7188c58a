// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/errors.h"
#include "server/percpu/backend/backend.h"
#include "server/percpu/backend/km.h"
#include "server/percpu/backend/vm.h"

namespace percpud {
namespace {

struct Entry {
  absl::string_view name;
  std::unique_ptr<Backend> (*make)(const AllocInfo& info, PageSource& pages,
                                   const BackendOptions& options);
};

template <typename T>
std::unique_ptr<Backend> Make(const AllocInfo& info, PageSource& pages,
                              const BackendOptions& options) {
  return std::make_unique<T>(info, pages, options);
}

constexpr Entry kBackends[] = {
    {"km", Make<KmBackend>},
    {"vm", Make<VmBackend>},
};

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> MakeBackend(absl::string_view name, const AllocInfo& info,
                                                     PageSource& pages,
                                                     const BackendOptions& options) {
  for (const Entry& entry : kBackends) {
    if (entry.name == name) return entry.make(info, pages, options);
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
