// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_FLAGS_H_
#define PERCPUD_SERVER_FLEET_FLAGS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/fleet/certificate.h"

namespace percpud::fleet {

// What percpud-fleet is told, by flags and by a file of the same names. Plain data.
struct Flags {
  std::vector<std::string> etcd;
  CertificateFiles files;
  std::string etcd_server_name;
  // For other hosts' percpud; those that are empty are as for etcd.
  CertificateFiles peer_files;
  std::string fleet = "default";
  // The kernel's name of the host if it is empty.
  std::string host;
  // unix:PATH.
  std::string percpud;
  // The path of the socket that it serves; ".admin" is added for the other one.
  std::string listen_path;
  std::string state_dir = "/var/lib/percpud-fleet";
  // What the record says.
  std::vector<std::string> addresses;
  std::string server_name;
  std::string metrics_address;
  std::map<std::string, std::string> labels;
  double weight = 1;
  absl::Duration ttl = absl::Seconds(10);
  absl::Duration lost_grace = absl::Seconds(60);
  // SIGTERM and SIGINT end the agent as SIGUSR1 does.
  bool keep_record = false;
  // Empty: no file of targets.
  std::string file_sd;
  std::string boot_id_file = "/proc/sys/kernel/random/boot_id";
  // Set if the process is to end at once.
  std::optional<int> exit_code;
};

// Errors: INVALID_ARGUMENT, naming the flag and its limit.
absl::StatusOr<Flags> ParseFlags(int argc, const char* const* argv);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_FLAGS_H_
