// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_HANG_GUARD_H_
#define PERCPUD_SERVER_MAIN_HANG_GUARD_H_

#include "absl/time/time.h"

namespace percpud {

// Ends the process if a step takes too long while this lives. gRPC does not notice that the
// system refuses it a thread, and waits for the thread for ever. A daemon loses nothing by
// its end: all that was granted is committed.
//
// There is one at a time, because it uses the process's alarm. Not thread safe.
class HangGuard {
 public:
  // Says `words` on standard error, a line, and ends the process with the status 1 if this
  // still lives after `patience`, which counts in seconds. `words` lives as long as the
  // process.
  // REQUIRES: there is no other guard, and patience >= 1 s.
  HangGuard(const char* words, absl::Duration patience);
  ~HangGuard();
  HangGuard(const HangGuard&) = delete;
  HangGuard& operator=(const HangGuard&) = delete;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_HANG_GUARD_H_
