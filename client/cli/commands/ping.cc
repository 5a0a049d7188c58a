// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/commands/common.h"

namespace percpu::cli {
namespace {

absl::StatusOr<Report> Ping(Session& session) {
  // The first call connects; only the second one is a round trip.
  if (absl::Status status = session.client.Ping(); !status.ok()) return status;
  const absl::Time start = absl::Now();
  if (absl::Status status = session.client.Ping(); !status.ok()) return status;
  const absl::Duration round_trip = absl::Now() - start;
  return Report{
      {Fields{.key = "",
              .title = "",
              .fields = {{"address", session.address, ""},
                         {"round_trip_us", Real{absl::ToDoubleMicroseconds(round_trip)}, ""}}}}};
}

}  // namespace

Command AddPing(CLI::App& root) {
  return AddPlain(root, "ping", "Whether the daemon answers, and how fast",
                  "Exits with 0 if it does and 1 if it does not.", Ping);
}

}  // namespace percpu::cli
