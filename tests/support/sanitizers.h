// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_SANITIZERS_H_
#define PERCPUD_TESTS_SUPPORT_SANITIZERS_H_

namespace percpud::testing {

// Whose shadow memory leaves room for terabytes in no address space.
#ifdef PERCPUD_TSAN
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

// Whose programs no other tool of its kind can run.
#ifdef PERCPUD_ASAN
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_SANITIZERS_H_
