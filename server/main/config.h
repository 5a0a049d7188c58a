// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_CONFIG_H_
#define PERCPUD_SERVER_MAIN_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpud/config/v1/config.pb.h"
#include "proto/percpud/abi/v1/layout_page.h"
#include "server/base/units.h"
#include "server/percpu/allocator/balance_policy.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/percpu/layout/static_layout.h"
#include "server/percpu/layout/topology.h"
#include "server/service/service_limits.h"
#include "server/session/access/certificate_rules.h"
#include "server/session/access/exports.h"
#include "server/session/access/policy.h"
#include "server/session/sessions.h"

namespace percpud {

// What the gateway serves TLS with. Plain data.
struct TlsConfig {
  std::string cert_file;
  std::string key_file;
  std::string trusted_ca_file;
  std::string crl_dir;
  bool client_cert_auth = true;
  absl::Duration check_interval = absl::Seconds(10);
  std::uint32_t handshakes_per_second = 50;
};

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
  // True if the topology is this host's; false if the configuration describes it.
  bool has_host_topology = false;
  BalancePolicy balance;
  ServiceLimits limits;
  Bytes message_limit = kDefaultMessage;
  std::string log_level = "info";
  // Path of the side door; empty for none.
  std::string door;
  // Path of the socket at which a percpud-gateway of its own connects; empty for none.
  std::string gateway;
  // nullopt: as the host allows.
  std::optional<abi::v1::UpdateMode> update_mode;
  AccessRules access;
  CertificateRules certificates;
  ExportRules exports;
  TlsConfig tls;
  Sessions::Options sessions;
  // Path of the arena; empty for a memfd.
  std::string arena_file;
  // The directory of the catalog; empty if there is none.
  std::string catalog;
  // The file that this is from; empty if there is none.
  std::string config_file;
  // If set, what an earlier daemon left and cannot be used is wiped, not kept aside.
  bool discard = false;
};

// Reads a file in text format. The error names the file, line, column and what
// is wrong there; an unknown field is wrong.
absl::StatusOr<config::v1::Config> ReadConfig(const std::string& path);

// Checks every field and every pair that can contradict. The error has a line for each
// thing that is wrong, which begins with the field as it is written in the file.
absl::StatusOr<DaemonConfig> CheckConfig(const config::v1::Config& config);

// Whether an address of `listen` is a Unix socket's, and not TCP's.
bool IsUnixAddress(const std::string& address);
// The HOST:PORT of an address of `listen` that is served by TLS; nullopt for any other.
std::optional<std::string> TlsAddress(const std::string& address);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_CONFIG_H_
