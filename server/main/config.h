// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_CONFIG_H_
#define PERCPUD_SERVER_MAIN_CONFIG_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "percpud/config/v1/config.pb.h"
#include "proto/percpud/abi/v1/layout_page.h"
#include "server/base/units.h"
#include "server/percpu/allocator/balance_policy.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/percpu/layout/static_layout.h"
#include "server/percpu/layout/topology.h"
#include "server/service/memory_handlers.h"
#include "server/session/access/policy.h"
#include "server/session/sessions.h"

namespace percpud {

// What the daemon runs with: checked, in the types of the code, defaults filled
// in. Plain data.
struct DaemonConfig {
  std::vector<std::string> listen;
  unsigned socket_mode = 0660;
  Bytes arena_size{256 << 20};
  Bytes page_size = kBasePageSize;
  bool transparent_huge_pages = false;
  std::string backend = "km";
  BackendOptions backend_options;
  AllocSizes sizes;
  StaticLayout statics;
  Topology topology;
  BalancePolicy balance;
  ServiceLimits limits;
  Bytes message_limit = kDefaultMessage;
  std::string log_level = "info";
  // Path of the side door; empty for none.
  std::string door;
  // nullopt: as the host allows.
  std::optional<abi::v1::UpdateMode> update_mode;
  AccessRules access;
  Sessions::Options sessions;
  // Of the arena; empty for a memfd.
  std::string arena_file;
  // Where what is granted is kept; empty: nowhere.
  std::string catalog;
  // Wipe what an earlier daemon left and cannot be used, rather than keep it
  // aside.
  bool discard = false;
};

// Reads a file in text format. The error names the file, line, column and what
// is wrong there; an unknown field is wrong.
absl::StatusOr<config::v1::Config> ReadConfig(const std::string& path);

// Checks every field and every pair that can contradict. The error names the
// field as it is written in the file, which is also its flag's name.
absl::StatusOr<DaemonConfig> CheckConfig(const config::v1::Config& config);

// The part of CheckConfig about callers (config_access.cc): access, quotas.
absl::Status TakeAccess(const config::v1::Config& config, DaemonConfig& out);
// The part about restarts (config_restart.cc): arena, catalog, resume window.
absl::Status TakeRestart(const config::v1::Config& config, DaemonConfig& out);
// Reads `text` into `out`; an empty one keeps what is there. The error names
// `field`.
absl::Status TakeSize(absl::string_view field, const std::string& text, Bytes& out);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_CONFIG_H_
