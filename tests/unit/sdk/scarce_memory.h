// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A program that this is linked into can be short of memory: its operator new fails.

#ifndef PERCPUD_TESTS_UNIT_SDK_SCARCE_MEMORY_H_
#define PERCPUD_TESTS_UNIT_SDK_SCARCE_MEMORY_H_

namespace percpu::testing {

inline constexpr int kUnlimited = -1;
// How often this thread may still allocate.
extern thread_local int left_to_allocate;

}  // namespace percpu::testing

#endif  // PERCPUD_TESTS_UNIT_SDK_SCARCE_MEMORY_H_
