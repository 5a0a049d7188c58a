// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_DAEMON_LAYOUT_H_
#define PERCPUD_SERVER_MAIN_DAEMON_LAYOUT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/arena/arena.h"
#include "server/main/config.h"
#include "server/main/host_cpus.h"
#include "server/percpu/backend/backend.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/rseq/this_cpu.h"

namespace percpud {

// How the arena will be used. A configuration may be sound field by field and still not
// fit together: that shows while this is made.
struct DaemonLayout {
  std::unique_ptr<const AllocInfo> info;
  BelievedCpus cpus;
  rseq::UpdateMode mode;
  // LayoutText of all this.
  std::string text;
};

// Errors: BadConfig, BuildAllocInfo's.
absl::StatusOr<DaemonLayout> LayOut(const DaemonConfig& config);

// The backend over `arena`, found fit for the layout and the arena. Errors: BadConfig,
// KmNeedsOneGroup.
absl::StatusOr<std::unique_ptr<Backend>> MakeCheckedBackend(const DaemonConfig& config,
                                                            const AllocInfo& info, Arena& arena);

// What backing the first chunk takes at least.
Bytes FirstChunkSize(const DaemonConfig& config, const Backend& backend);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_DAEMON_LAYOUT_H_
