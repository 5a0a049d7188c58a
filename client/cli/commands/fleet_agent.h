// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_FLEET_AGENT_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_FLEET_AGENT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpud/fleet/v1/fleet.pb.h"
#include "percpud/fleet/v1/reading.pb.h"

namespace percpu::cli {

// The packaged percpud-fleet's.
inline constexpr char kDefaultAgent[] = "unix:/run/percpud-fleet/fleet.sock";

// Calls to this host's percpud-fleet. An agent that cannot be reached is a status of
// Unreachable's (reach.h).
class FleetAgent {
 public:
  FleetAgent(std::string address, absl::Duration timeout)
      : address_(std::move(address)), timeout_(timeout) {}

  [[nodiscard]] absl::StatusOr<percpud::fleet::v1::View> ListHosts() const;
  [[nodiscard]] absl::StatusOr<percpud::fleet::v1::GetStatusResponse> GetStatus() const;
  [[nodiscard]] absl::StatusOr<percpud::fleet::v1::PlaceResponse> Place(const std::string& key,
                                                                        std::uint32_t count) const;
  [[nodiscard]] absl::StatusOr<std::string> GetTargets() const;
  [[nodiscard]] absl::StatusOr<percpud::fleet::v1::SumFamilyResponse> SumFamily(
      const percpud::fleet::v1::SumFamilyRequest& request) const;
  [[nodiscard]] absl::StatusOr<percpud::fleet::v1::SumVariablesResponse> SumVariables(
      const percpud::fleet::v1::SumVariablesRequest& request) const;
  // These two go to the agent's other socket.
  [[nodiscard]] absl::Status Drain(const std::string& host, const std::string& reason) const;
  [[nodiscard]] absl::Status Undrain(const std::string& host) const;

 private:
  const std::string address_;
  const absl::Duration timeout_;
};

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_FLEET_AGENT_H_
