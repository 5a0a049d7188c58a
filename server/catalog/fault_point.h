// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_CATALOG_FAULT_POINT_H_
#define PERCPUD_SERVER_CATALOG_FAULT_POINT_H_

// A place where a crash test ends the process. It does nothing, except in programs built
// for such tests (PERCPUD_FAULT_POINTS): there PERCPUD_FAULT=NAME:N in the
// environment kills the process at the N-th passage of NAME.
#ifdef PERCPUD_FAULT_POINTS
#include <signal.h>

#include <atomic>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace percpud {

inline void FaultPoint(absl::string_view name) {
  static std::atomic<int> passages{0};
  const char* const fault = std::getenv("PERCPUD_FAULT");
  if (fault == nullptr) return;
  const absl::string_view wanted(fault);
  const std::size_t colon = wanted.find(':');
  int count = 0;
  if (wanted.substr(0, colon) != name) return;
  if (!absl::SimpleAtoi(wanted.substr(colon + 1), &count)) return;
  if (++passages == count) raise(SIGKILL);
}

}  // namespace percpud
#define PERCPUD_FAULT_POINT(name) ::percpud::FaultPoint(name)
#else
#define PERCPUD_FAULT_POINT(name) static_cast<void>(0)
#endif

#endif  // PERCPUD_SERVER_CATALOG_FAULT_POINT_H_
