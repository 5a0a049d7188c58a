// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_ARENA_TRANSPARENT_HUGE_PAGES_H_
#define PERCPUD_SERVER_ARENA_TRANSPARENT_HUGE_PAGES_H_

#include <string>

#include "absl/status/status.h"

namespace percpud {

// Where the system says what it does about transparent huge pages.
struct HugePageSettings {
  std::string directory = "/sys/kernel/mm/transparent_hugepage";
  std::string mounts = "/proc/self/mountinfo";
};

// Whether the system backs shared memory with huge pages where it is asked to:
// that of a memfd, if `directory` is empty, otherwise that of files in it. A yes
// is no promise: where no huge page is free, the system takes small ones.
// Errors: FAILED_PRECONDITION, with the command that mends it if there is one.
absl::Status CheckTransparentHugePages(const std::string& directory,
                                       const HugePageSettings& settings = {});

}  // namespace percpud

#endif  // PERCPUD_SERVER_ARENA_TRANSPARENT_HUGE_PAGES_H_
