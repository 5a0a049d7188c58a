// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_ALLOCATOR_RIG_H_
#define PERCPUD_TESTS_SUPPORT_ALLOCATOR_RIG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/arena/page_source.h"
#include "server/base/clock.h"
#include "server/percpu/allocator/allocator.h"

namespace percpud::testing {

// How an allocator under test is laid out.
struct Geometry {
  std::uint32_t cpus = 4;
  Bytes unit_size{64 << 10};
  Bytes static_size{4096};
  std::vector<StaticVariable> statics{};
  Bytes reserved_size{0};
  Bytes arena_size{64 << 20};
  std::string backend = "km";
  BackendOptions backend_options{};
  Bytes unit_skew{0};
  // 0: the page.
  Bytes atom_size{0};
};

// Makes a backend over `info` and `pages`; MakeBackend by default.
using BackendFactory = std::function<absl::StatusOr<std::unique_ptr<Backend>>(
    absl::string_view name, const AllocInfo& info, PageSource& pages,
    const BackendOptions& options)>;

// An allocator over `pages`, which it does not own. `options.clock` may be
// null: the system's is then used.
absl::StatusOr<std::unique_ptr<Allocator>> MakeAllocator(
    const Geometry& geometry, PageSource& pages, Allocator::Options options,
    const BackendFactory& make_backend = MakeBackend);

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_ALLOCATOR_RIG_H_
