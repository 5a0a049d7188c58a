// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_ACCESS_SHORT_OF_MEMORY_H_
#define PERCPUD_SERVER_SESSION_ACCESS_SHORT_OF_MEMORY_H_

#include <cerrno>

#include "absl/status/status.h"
#include "server/base/errors.h"
#include "server/base/memory_reserve.h"
#include "server/session/access/policy.h"

namespace percpud {

// Whether a call takes memory that stays taken behind it.
constexpr bool Keeps(Rpc rpc) {
  return rpc == Rpc::kAlloc || rpc == Rpc::kAttach || rpc == Rpc::kOpenSession ||
         rpc == Rpc::kPublish || rpc == Rpc::kOpenVariable || rpc == Rpc::kLease ||
         rpc == Rpc::kOpenSeries;
}

// Errors: DoorShort, for a call that would keep memory while the daemon is short of it.
inline absl::Status CheckMemory(Rpc rpc) {
  if (!Keeps(rpc) || MemoryReserve::IsWhole()) return absl::OkStatus();
  return errors::DoorShort(ENOMEM);
}

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ACCESS_SHORT_OF_MEMORY_H_
