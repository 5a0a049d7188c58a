// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_ARENA_GUARDED_ACCESS_H_
#define PERCPUD_SERVER_ARENA_GUARDED_ACCESS_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "server/base/units.h"

namespace percpud {

// Touching memory that others may take away.
//
// A client that maps the arena for writing may punch holes in its file, and a stranger may
// fill the file system it lies in. The next access to such a page is backed anew, with
// zeroes, or where the system has no page left (huge pages, a full tmpfs) ends in SIGBUS.
// Inside GuardedAccess that is an answer instead of the end of the daemon.
//
// Runs access(); false if a page of [memory, memory + length) was not to be had. What the
// access had done by then stays done. Costs no system call. Thread safe; signals elsewhere
// keep their meaning.
// REQUIRES: access() is left by a jump when it fails, so it neither takes locks nor
// allocates, and nothing in it has a destructor. Not nested.
[[nodiscard]] bool GuardedAccess(const std::byte* memory, Bytes length,
                                 absl::FunctionRef<void()> access);

}  // namespace percpud

#endif  // PERCPUD_SERVER_ARENA_GUARDED_ACCESS_H_
