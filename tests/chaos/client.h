// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_CHAOS_CLIENT_H_
#define PERCPUD_TESTS_CHAOS_CLIENT_H_

#include <cstdint>
#include <string>

#include "tests/chaos/shadow.h"

namespace percpu::chaos {

// The exit status of a client that may not write what it maps: it had not the time to
// find out how to.
inline constexpr int kMayNotWrite = 3;
// The exit status of a client whose gRPC lost a thread when it started, for want of tasks.
inline constexpr int kLacksThreads = 4;

// Works as the client of a slot until it is told to retire. Returns the process's exit
// status: 0, or kMayNotWrite.
int Work(Shadow& shadow, std::size_t slot, const std::string& address, std::uint32_t seed);

}  // namespace percpu::chaos

#endif  // PERCPUD_TESTS_CHAOS_CLIENT_H_
