// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What was refused for want of something, or of a right, goes to the log: once a minute
// for each kind, so that no client can fill the log with its refusals.

#ifndef PERCPUD_SERVER_BASE_REFUSAL_LOG_H_
#define PERCPUD_SERVER_BASE_REFUSAL_LOG_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/clock.h"

namespace percpud {

// Lets one event a minute pass, and counts the others. Thread safe; never waits.
class OnceAMinute {
 public:
  // Returns how many events were held back since the last one that passed; nullopt if
  // this one is held back too.
  std::optional<std::uint64_t> Pass(BootTime now);

 private:
  // Nanoseconds since boot when the next one passes.
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint64_t> held_back_{0};
};

// Where warnings of the lower layers go; to standard error before it is set. Thread safe.
using WarningSink = void (*)(absl::string_view text);
void SetWarningSink(WarningSink sink);
void WriteWarning(absl::string_view text);

// Logs `status` if it is a refusal that an operator can do something about:
// RESOURCE_EXHAUSTED, PERMISSION_DENIED or UNAUTHENTICATED, of the catalogue. The line
// has the reason's name, the message, and the setting that decides. Call it where a
// refusal leaves the daemon. Thread safe; cheap for all other statuses.
void LogRefusal(const absl::Status& status);

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_REFUSAL_LOG_H_
