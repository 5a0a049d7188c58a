// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_CONFORMANCE_BACKENDS_H_
#define PERCPUD_TESTS_CONFORMANCE_BACKENDS_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/conformance/first_fit_backend.h"

namespace percpud::testing {

// A BackendFactory (allocator_rig.h) that knows the tests' own backend, too.
inline absl::StatusOr<std::unique_ptr<Backend>> MakeBackendUnderTest(
    absl::string_view name, const AllocInfo& info, PageSource& pages,
    const BackendOptions& options) {
  if (name == "first_fit") return std::make_unique<FirstFitBackend>(info, pages);
  return MakeBackend(name, info, pages, options);
}

inline std::vector<std::string> BackendsUnderTest() {
  std::vector<std::string> names{"first_fit"};
  for (const absl::string_view name : BackendNames()) names.emplace_back(name);
  return names;
}

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_CONFORMANCE_BACKENDS_H_
