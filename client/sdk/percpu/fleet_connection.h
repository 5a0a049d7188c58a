// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What percpud-fleet, the agent of this host's fleet, knows and does: hosts, places for keys, sums
// over hosts. Programs use Fleet (fleet.h).

#ifndef PERCPUD_CLIENT_SDK_PERCPU_FLEET_CONNECTION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_FLEET_CONNECTION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/metrics_connection.h"
#include "percpu/options.h"
#include "percpu/types.h"

namespace percpu {

// The packaged agent's socket.
inline constexpr char kDefaultFleetAgent[] = "unix:/run/percpud-fleet/fleet.sock";
// ReasonOf (reason.h) of a sum that failed because hosts are missing: the agent is there.
inline constexpr char kHostsMissing[] = "HOSTS_MISSING";

// What the agent thinks of a host.
enum class HostState {
  // A value of a later version.
  kUnknown,
  // The host's record is in etcd.
  kUp,
  // The record is gone, and the host is kept for a while: that is suspicion, not proof.
  kLost,
};

// What a host says of its percpud.
enum class HostServing { kUnknown, kUp, kDown, kLeft };

// Why no key is placed on a host.
struct DrainMark {
  std::string by;
  std::string reason;
  std::optional<absl::Time> at;

  friend bool operator==(const DrainMark&, const DrainMark&) = default;
};

// How a host's percpud is laid out, and how much room it has.
struct HostLayout {
  std::uint32_t cpus = 0;
  std::string backend;
  std::uint64_t unit_size_bytes = 0;
  std::uint64_t arena_size_bytes = 0;
  // What areas may still take of one unit in the chunks that there are, in sixteenths.
  std::uint64_t free_bytes = 0;

  friend bool operator==(const HostLayout&, const HostLayout&) = default;
};

struct FleetHost {
  std::string name;
  HostState state = HostState::kUnknown;
  // Since when it is lost.
  std::optional<absl::Time> lost_since;
  HostServing serving = HostServing::kUnknown;
  // Absent if the host is not drained.
  std::optional<DrainMark> drain;
  // Its share of the keys beside the others'; 0 takes none.
  double weight = 0;
  // Where its percpud is reached from other hosts, best first: "tls:HOST:PORT".
  std::vector<std::string> addresses;
  // The name in the certificate there; empty for the address's own.
  std::string server_name;
  // Where Prometheus finds its exporter; empty if nowhere.
  std::string metrics_address;
  // Another text for every boot and state directory of the host.
  std::string incarnation;
  std::string version;
  // What the operator says of it: zone and such.
  std::map<std::string, std::string> labels;
  // Absent until its percpud has answered once.
  std::optional<HostLayout> layout;

  friend bool operator==(const FleetHost&, const FleetHost&) = default;
};

// The fleet as the agent sees it.
struct FleetView {
  std::string fleet;
  // By name.
  std::vector<FleetHost> hosts;
  // Names the set of hosts that keys are placed on, with their weights. Two agents of one epoch
  // place alike.
  std::string epoch;
  // Since when the view may be out of date; absent if it is as etcd says.
  std::optional<absl::Time> stale_since;
  // More than half of the hosts were lost at once: nobody is forgotten, and keys stay.
  bool mass_loss = false;
  // The agent is away, and this is what it has written down last.
  bool is_stored = false;

  friend bool operator==(const FleetView&, const FleetView&) = default;
};

// How the agent is.
struct FleetStatus {
  std::string fleet;
  // The agent's own host.
  std::string host;
  std::string version;
  absl::Duration uptime;
  // Whether its record is in etcd. What went wrong last is told; empty if all is well.
  bool is_registered = false;
  std::string registration_problem;
  // The member of etcd in use, and whether the view follows it.
  std::string etcd;
  bool is_watching = false;
  std::string watch_problem;
  std::string certificate_problem;
  bool is_percpud_serving = false;
  std::uint32_t hosts_up = 0;
  std::uint32_t hosts_lost = 0;
  std::uint32_t hosts_drained = 0;
  bool mass_loss = false;
  std::string epoch;
  std::optional<absl::Time> stale_since;
};

// The hosts that a key belongs to.
struct Placement {
  // Best first; fewer than were asked for if the fleet has fewer.
  std::vector<std::string> hosts;
  std::string epoch;
  std::optional<absl::Time> stale_since;
};

// Which hosts a sum has to be of.
enum class SumPolicy {
  // All that are in the view. If one does not answer, the sum fails and names it.
  kAll,
  // The hosts that answer; the others are named. Such a sum may fall.
  kAvailable,
};

struct SumOptions {
  SumPolicy policy = SumPolicy::kAll;
  // How long hosts have: 10 ms to 60 s.
  absl::Duration deadline = absl::Seconds(1);
  // The families' namespace. Empty: "default".
  std::string name_space;
  // Tell what each host has, too.
  bool by_host = true;
};

// A host that is not in a sum.
struct MissingHost {
  std::string host;
  absl::Status why;
};

// The hosts and the moment that a sum is of.
struct SumRound {
  // When hosts were asked. Callers who ask for the same at the same time share a round.
  absl::Time as_of;
  absl::Duration took;
  // Hosts that answered, by name; one that has nothing of the kind is among them.
  std::vector<std::string> hosts;
  // Hosts that did not; there are some with SumPolicy::kAvailable only.
  std::vector<MissingHost> missing;
  std::string epoch;
  std::optional<absl::Time> stale_since;
};

struct HostCells {
  std::string host;
  std::vector<CellSum> cells;
};

// A series over all hosts that have it. Cells are as in SeriesInfo, but that a gauge of writers has
// one, whose sum is what the gauge comes to.
struct SummedSeries {
  std::vector<std::string> label_values;
  std::vector<CellSum> cells;
  bool overflow = false;
  std::vector<HostCells> by_host;
};

struct FamilySum {
  FamilyShape shape;
  // By their labels' values; 10,000 at most.
  std::vector<SummedSeries> series;
  SumRound round;
};

// A variable as one host has it.
struct HostVariable {
  std::string host;
  VariableType type = VariableType::kBytes;
  std::uint64_t size_bytes = 0;
  std::vector<std::int64_t> sums;
};

// A variable over all hosts that have it.
struct SummedVariable {
  std::string name;
  // Type and size are what the first host by name has.
  VariableType type = VariableType::kBytes;
  std::uint64_t size_bytes = 0;
  // Modulo 2^64: one of a counter or gauge, one for each bucket of a histogram, none of bytes.
  std::vector<std::int64_t> sums;
  // How many hosts it is the sum of.
  std::uint32_t hosts = 0;
  // Hosts that have it with another type or size. They are not in the sums.
  std::vector<std::string> differing_hosts;
  // Hosts that differ are among them.
  std::vector<HostVariable> by_host;
};

struct VariablesSum {
  // By name; 10,000 at most.
  std::vector<SummedVariable> variables;
  SumRound round;
};

// One method per call of the agent: the place where a test puts a mock. Errors are the agent's.
// UNAVAILABLE says whether the agent does not answer, and what to do; or, with the reason
// kHostsMissing, which hosts do not. Thread safe. A method blocks for CallOptions::deadline at
// most; a sum for its own deadline on top of it.
class FleetConnection {
 public:
  FleetConnection() = default;
  FleetConnection(const FleetConnection&) = delete;
  FleetConnection& operator=(const FleetConnection&) = delete;
  virtual ~FleetConnection() = default;

  virtual absl::StatusOr<FleetView> ListHosts() = 0;
  virtual absl::StatusOr<FleetStatus> GetStatus() = 0;
  // Returns the file of targets for Prometheus's file_sd.
  virtual absl::StatusOr<std::string> GetTargets() = 0;
  virtual absl::StatusOr<Placement> Place(std::string_view key, std::uint32_t count) = 0;
  virtual absl::StatusOr<FamilySum> SumFamily(std::string_view family,
                                              const SumOptions& options) = 0;
  // Adds up the variable of that name. Without one on any host there is none in the answer.
  virtual absl::StatusOr<VariablesSum> SumVariable(std::string_view name,
                                                   const SumOptions& options) = 0;
  // Adds up all whose names begin so.
  virtual absl::StatusOr<VariablesSum> SumVariables(std::string_view prefix,
                                                    const SumOptions& options) = 0;
  // These two go to the agent's other socket, which is root's.
  virtual absl::Status Drain(std::string_view host, std::string_view by,
                             std::string_view reason) = 0;
  virtual absl::Status Undrain(std::string_view host) = 0;
};

// Makes a connection to the agent at "unix:PATH", or a path. It opens nothing before the first
// call. For another address every call is INVALID_ARGUMENT.
std::shared_ptr<FleetConnection> MakeGrpcFleetConnection(std::string_view agent,
                                                         const CallOptions& options);

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_FLEET_CONNECTION_H_
