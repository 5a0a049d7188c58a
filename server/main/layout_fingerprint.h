// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_LAYOUT_FINGERPRINT_H_
#define PERCPUD_SERVER_MAIN_LAYOUT_FINGERPRINT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "server/percpu/backend/backend.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/percpu/layout/static_layout.h"
#include "server/rseq/this_cpu.h"

namespace percpud {

// Returns everything that decides where an area lies and how it is updated, as
// "name=value" lines. This daemon cannot use an arena that was laid out by another text.
std::string LayoutText(const AllocInfo& info, const StaticLayout& statics,
                       absl::string_view backend, const BackendOptions& options, Bytes page_size,
                       rseq::UpdateMode mode);

// Returns the first line in which they differ: "unit_size=65536, not 131072".
std::string LayoutDifference(absl::string_view there, absl::string_view here);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_LAYOUT_FINGERPRINT_H_
