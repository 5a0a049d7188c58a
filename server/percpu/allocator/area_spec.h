// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a request asks for: the areas, and what holds for all of them.

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_AREA_SPEC_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_AREA_SPEC_H_

#include <algorithm>

#include "absl/strings/string_view.h"
#include "server/base/limits.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk_kind.h"

namespace percpud {

// One area wanted.
struct AreaSpec {
  Bytes size;
  // A power of two. Below kMinAlign counts as kMinAlign.
  Bytes alignment = kDefaultAlign;
};

// What holds for every area of a call.
struct AllocOptions {
  Region region = Region::kDynamic;
  // Never create a chunk, never populate a page.
  bool no_grow = false;
  // Shown by introspection. Empty: none.
  absl::string_view tag;
};

// The alignment in granules that a request of that alignment gets.
inline Granules AlignGranules(Bytes alignment) {
  return ToGranules(std::max(alignment, kMinAlign));
}

// Whether a unit with room for `limit` bytes can hold such an area.
inline bool IsSound(AreaSpec spec, Bytes limit, Bytes max_alignment) {
  return spec.size > Bytes(0) && spec.size <= limit && spec.alignment <= max_alignment &&
         IsPowerOfTwo(spec.alignment);
}

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_AREA_SPEC_H_
