// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_THREAD_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_THREAD_H_

#include <functional>
#include <thread>

#include "absl/status/statusor.h"

namespace percpu {

// Starts a thread of the SDK's that runs `body`. Signals of the program are handled on the
// program's own threads. `name` has at most 15 characters, and lives as long as the
// program. Errors: RESOURCE_EXHAUSTED if the system allows no further thread.
absl::StatusOr<std::thread> StartThread(const char* name, std::function<void()> body);

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_THREAD_H_
