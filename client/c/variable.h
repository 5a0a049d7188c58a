// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_VARIABLE_H_
#define PERCPUD_CLIENT_C_VARIABLE_H_

#include <cstddef>
#include <cstdint>

#include "client/c/arena.h"
#include "client/c/percpud.h"

// Constant once made. Its client's, which frees it.
struct percpud_variable {
  const percpud::c::Arena* arena;
  std::uint64_t pointer;
  std::size_t size;
  std::uint32_t cpus;
  // In the client's list.
  percpud_variable* next;
};

#endif  // PERCPUD_CLIENT_C_VARIABLE_H_
