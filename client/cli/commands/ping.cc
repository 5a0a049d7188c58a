// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/time/time.h"
#include "client/cli/commands/common.h"
#include "server/base/clock.h"

namespace percpu::cli {
namespace {

absl::StatusOr<Report> Ping(Context& context) {
  // The first call connects; only the second one is a round trip.
  if (absl::Status status = context.client.Ping(); !status.ok()) return status;
  const percpud::BootTime start = percpud::NowSinceBoot();
  if (absl::Status status = context.client.Ping(); !status.ok()) return status;
  const absl::Duration round_trip = percpud::NowSinceBoot() - start;
  return Report{
      {Fields{.key = "",
              .title = "",
              .fields = {{"address", context.address, ""},
                         {"round_trip_us", Real{absl::ToDoubleMicroseconds(round_trip)}, ""}}}}};
}

}  // namespace

Commands AddPing(CLI::App& root) {
  return {AddPlain(root, "ping", "Whether the daemon answers, and how fast",
                   "Exit code 0 if it does, 4 if it cannot be reached.", Ping)};
}

}  // namespace percpu::cli
