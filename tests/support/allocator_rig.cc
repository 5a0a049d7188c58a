// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/allocator_rig.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/percpu/layout/alloc_info.h"
#include "server/percpu/layout/static_layout.h"
#include "server/percpu/layout/topology.h"

namespace percpud::testing {

absl::StatusOr<std::unique_ptr<Allocator>> MakeAllocator(const Geometry& geometry,
                                                         PageSource& pages,
                                                         Allocator::Options options,
                                                         const BackendFactory& make_backend) {
  static const SystemClock kSystemClock;
  if (options.clock == nullptr) options.clock = &kSystemClock;
  absl::StatusOr<Topology> topology = Topology::Uniform(geometry.cpus);
  if (!topology.ok()) return topology.status();
  absl::StatusOr<StaticLayout> statics =
      StaticLayout::Build(geometry.statics, geometry.static_size);
  if (!statics.ok()) return statics.status();
  absl::StatusOr<AllocInfo> info =
      BuildAllocInfo({.static_size = statics->size(),
                      .reserved_size = geometry.reserved_size,
                      .dyn_size = geometry.unit_size - statics->size() - geometry.reserved_size,
                      .atom_size = std::max(pages.page_size(), geometry.atom_size),
                      .unit_skew = geometry.unit_skew},
                     *topology);
  if (!info.ok()) return info.status();
  auto owned_info = std::make_unique<const AllocInfo>(*std::move(info));
  auto backend = make_backend(geometry.backend, *owned_info, pages, geometry.backend_options);
  if (!backend.ok()) return backend.status();
  return Allocator::Create(std::move(owned_info), *std::move(statics), *std::move(backend), pages,
                           std::move(options));
}

}  // namespace percpud::testing
