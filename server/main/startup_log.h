// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_STARTUP_LOG_H_
#define PERCPUD_SERVER_MAIN_STARTUP_LOG_H_

#include "server/percpu/allocator/allocator.h"

namespace percpud {

// Logs how memory was laid out, as the kernel does when it boots: one line of
// sizes, then each group's CPUs with a dash for a ghost unit; and a warning
// that names the pages every chunk will waste.
void LogLayout(const Allocator& allocator);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_STARTUP_LOG_H_
