// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The parts of CheckConfig, a source each. A part takes its fields over into `out`
// and adds whatever is wrong with them to `errors`.

#ifndef PERCPUD_SERVER_MAIN_CONFIG_PARTS_H_
#define PERCPUD_SERVER_MAIN_CONFIG_PARTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/main/config.h"

namespace percpud {

// Everything that is wrong with a configuration, in the order of the checks.
class ConfigErrors {
 public:
  // Adds `status` unless it is OK. Returns whether it is.
  bool Check(const absl::Status& status);
  // Adds BadConfig(field, why).
  void Add(absl::string_view field, absl::string_view why);

  [[nodiscard]] bool empty() const { return messages_.empty(); }
  // OK, or INVALID_ARGUMENT with a line for each error.
  [[nodiscard]] absl::Status status() const;

 private:
  std::vector<std::string> messages_;
};

// listen, socket_mode, door (config_addresses.cc).
void TakeAddresses(const config::v1::Config& config, DaemonConfig& out, ConfigErrors& errors);
// backend, sizes, static variables, CPUs, update_mode (config_layout.cc).
void TakeLayout(const config::v1::Config& config, DaemonConfig& out, ConfigErrors& errors);
// tls (config_tls.cc). REQUIRES: the addresses have been taken.
void TakeTls(const config::v1::Config& config, DaemonConfig& out, ConfigErrors& errors);
// access, export, quotas (config_access.cc).
void TakeAccess(const config::v1::Config& config, DaemonConfig& out, ConfigErrors& errors);
// arena, catalog, resume_window (config_restart.cc).
void TakeRestart(const config::v1::Config& config, DaemonConfig& out, ConfigErrors& errors);
// balancer, limits, metrics, log_level (config_limits.cc).
void TakeLimits(const config::v1::Config& config, DaemonConfig& out, ConfigErrors& errors);

// Reads `text` into `out`; an empty one keeps what is there. The error names `field`.
void TakeSize(absl::string_view field, const std::string& text, Bytes& out, ConfigErrors& errors);
// The same for a time of 0 or more. `example` is one that is right.
void TakeTime(absl::string_view field, const std::string& text, absl::string_view example,
              absl::Duration& out, ConfigErrors& errors);
// Adds an error unless `value` is in `low`..`high`.
void CheckRange(absl::string_view field, std::uint64_t value, std::uint64_t low, std::uint64_t high,
                ConfigErrors& errors);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_CONFIG_PARTS_H_
