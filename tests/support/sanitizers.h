// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_SANITIZERS_H_
#define PERCPUD_TESTS_SUPPORT_SANITIZERS_H_

namespace percpud::testing {

// Its shadow memory leaves no room for terabytes in an address space.
#ifdef PERCPUD_TSAN
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

// No other tool of its kind can run its programs.
#ifdef PERCPUD_ASAN
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_SANITIZERS_H_
