// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_GRANT_ONE_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_GRANT_ONE_H_

#include <optional>

#include "server/base/units.h"
#include "server/percpu/allocator/area_spec.h"
#include "server/percpu/allocator/core.h"

namespace percpud {

// Grants one area without demands: no tag, the dynamic region, sound. nullopt, with
// nothing changed, for any other, and where there is no backed room.
std::optional<PercpuPtr> TryGrantOne(AllocatorCore& core, AreaSpec spec,
                                     const AllocOptions& options)
    ABSL_LOCKS_EXCLUDED(core.index_mu);

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_GRANT_ONE_H_
