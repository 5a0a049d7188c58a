// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_CONFIG_H_
#define PERCPUD_SERVER_MAIN_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "percpud/config/v1/config.pb.h"
#include "server/base/units.h"
#include "server/percpu/alloc_info.h"
#include "server/percpu/balance_policy.h"
#include "server/percpu/static_layout.h"
#include "server/percpu/topology.h"
#include "server/service/memory_handlers.h"

namespace percpud {

// What the daemon runs with: checked, in the types of the code, defaults filled
// in. Plain data.
struct DaemonConfig {
  std::vector<std::string> listen;
  unsigned socket_mode = 0660;
  Bytes arena_size{256 << 20};
  Bytes page_size = kBasePageSize;
  std::string backend = "km";
  AllocSizes sizes;
  StaticLayout statics;
  Topology topology;
  BalancePolicy balance;
  ServiceLimits limits;
  Bytes message_limit = kDefaultMessage;
  std::string log_level = "info";
};

// Reads a file in text format. The error names the file, line, column and what
// is wrong there; an unknown field is wrong.
absl::StatusOr<config::v1::Config> ReadConfig(const std::string& path);

// Checks every field and every pair that can contradict. The error names the
// field as it is written in the file, which is also its flag's name.
absl::StatusOr<DaemonConfig> CheckConfig(const config::v1::Config& config);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_CONFIG_H_
