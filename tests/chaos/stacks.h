// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_CHAOS_STACKS_H_
#define PERCPUD_TESTS_CHAOS_STACKS_H_

#include <sys/types.h>

#include <string>

namespace percpu::chaos {

// Returns where each thread of a process is, as gdb tells it, or why it cannot be told.
std::string StacksOf(pid_t pid);

}  // namespace percpu::chaos

#endif  // PERCPUD_TESTS_CHAOS_STACKS_H_
