// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_FORK_H_
#define PERCPUD_CLIENT_SDK_FORK_H_

#include <cstdint>

namespace percpu {

// How many forks lie between the process that first asked and this one: what
// was made under another number belongs to a parent. Thread safe.
std::uint32_t ForkGeneration();

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_FORK_H_
