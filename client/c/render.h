// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_RENDER_H_
#define PERCPUD_CLIENT_C_RENDER_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "client/c/arena.h"
#include "client/c/snapshot.h"
#include "client/exposition/text.h"
#include "client/exposition/writer.h"

namespace percpud::c {

struct RenderOptions {
  exposition::Format format = exposition::Format::kOpenMetrics;
  // Only this namespace's families; otherwise those of all.
  bool is_one_namespace = false;
  std::string_view name_space;
  // The label that says whose a series is; empty: none.
  std::string_view namespace_label;
  // Whether it is said since when a series counts.
  bool with_created = false;
};

// A family, or some of its series: all those that its row has.
struct FamilyPart {
  const Snapshot* snapshot;
  const FamilyRow* family;
};

// Appends what the parts' series come to now, as below. Families are in the order in which
// they were made, and the parts of one lie side by side.
std::size_t Render(std::span<const FamilyPart> parts, const Arena& arena,
                   const RenderOptions& options, exposition::Text& out);

// Appends what the snapshot's series come to now, without the exposition's end. Of two
// namespaces whose families of one name have other types, the first that was made is
// shown. Returns how many families were left out for that. Whether memory sufficed,
// `out` says.
std::size_t Render(const Snapshot& snapshot, const Arena& arena, const RenderOptions& options,
                   exposition::Text& out);

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_RENDER_H_
