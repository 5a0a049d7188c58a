// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Where the kernel tells this process's threads their CPU. glibc registers every
// thread since 2.35. Where nobody has, a thread that calls into this library to
// open or poll is registered here, with an area of the library's own; one that only
// counts stays unregistered, and counts locally.

#ifndef PERCPUD_CLIENT_C_THREAD_AREA_H_
#define PERCPUD_CLIENT_C_THREAD_AREA_H_

#include "server/rseq/section.h"

namespace percpud::c {

// The same offset in every thread of the process, and constant. Before the first call
// of RegisterThread nothing may use it.
[[gnu::visibility("hidden")]] extern constinit rseq::internal::AreaOffset g_thread_area;

// Registers the calling thread if need be. True if it is registered. Async-signal-safe
// from the second call on.
bool RegisterThread();

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_THREAD_AREA_H_
