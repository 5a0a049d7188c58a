// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// lease list: chunks that sessions sub-allocate by themselves.

#include <utility>
#include <vector>

#include "client/cli/commands/common.h"

namespace percpu::cli {
namespace {

absl::StatusOr<Report> Leases(Context& context) {
  const absl::StatusOr<std::vector<LeaseInfo>> leases = context.client.ListLeases();
  if (!leases.ok()) return leases.status();
  Table table{.key = "leases",
              .title = "",
              .columns = {{"chunk_id", "CHUNK"},
                          {"base", "BASE"},
                          {"session", "SESSION"},
                          {"name", "NAME"},
                          {"live_areas", "AREAS"},
                          {"live_bytes", "LIVE"},
                          {"unit_size", "UNIT"},
                          {"map", "MAP"}},
              .rows = {}};
  for (const LeaseInfo& lease : *leases) {
    table.rows.push_back({Count{percpu::Value(lease.chunk)}, Offset{percpu::Value(lease.base)},
                          OrAbsent(lease.session),
                          lease.name.empty() ? Value(Absent{}) : lease.name,
                          Count{lease.live_areas}, Size{lease.live_bytes}, Size{lease.unit_bytes},
                          lease.map_fault.empty() ? "ok" : "corrupt: " + lease.map_fault});
  }
  return Report{{std::move(table)}};
}

}  // namespace

Commands AddLease(CLI::App& root) {
  CLI::App& noun = AddNoun(root, "lease", "Chunks that sessions sub-allocate by themselves");
  return {
      AddPlain(noun, "list", "Leased chunks, and what their holders made of them",
               "A lease with a NAME is kept: without a SESSION it waits for the next holder.\n"
               "AREAS and LIVE are what the holder's own map says. That map lies in memory\n"
               "which the holder writes, so it is copied, checked, and shown or called corrupt.",
               Leases)};
}

}  // namespace percpu::cli
