// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_FLEET_H_
#define PERCPUD_CLIENT_SDK_PERCPU_FLEET_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/client.h"
#include "percpu/fleet_connection.h"
#include "percpu/options.h"

namespace percpu {

struct FleetOptions {
  // Where percpud-fleet is: "unix:PATH", or the path alone. Empty: PERCPUD_AGENT of the
  // environment, and without it the packaged agent's socket.
  std::string agent;
  // The time for a call to the agent. Hosts have SumOptions::deadline on top of it.
  absl::Duration deadline = absl::Seconds(5);
  // Where the agent keeps its view. Empty: the packaged agent's file, if it is the one that is
  // asked; none for another agent.
  std::string view_file;
  // How the hosts that Connect returns are called, and the own certificate for it.
  CallOptions hosts;
};

// The hosts that have a variable.
struct FoundVariable {
  // By name.
  std::vector<HostVariable> hosts;
  // Which hosts were asked, and which did not answer.
  SumRound round;
};

// A name's number over hosts: a counter's or gauge's value; how many observations a histogram or
// summary has. The series of a family are added up. Numbers are exact up to 2^53: SumFamily and
// SumVariables have all digits.
struct FleetSum {
  double total = 0;
  // Hosts that have it.
  std::map<std::string, double> by_host;
  // True if the name is a variable's.
  bool is_variable = false;
  // Hosts that have a variable of another type or size, and are not in the total.
  std::vector<std::string> differing_hosts;
  SumRound round;
};

// Calls back for as long as it lives (Fleet::Watch). The destructor waits for a look and a callback
// that are under way. The callback itself may destroy the watch, too: it is the last one then. In
// the child of a fork the destructor does nothing: the child watches anew.
class FleetWatch {
 public:
  FleetWatch(FleetWatch&&) noexcept;
  FleetWatch& operator=(FleetWatch&&) noexcept;
  ~FleetWatch();

 private:
  friend class Fleet;
  class Impl;
  explicit FleetWatch(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// The fleet that this host belongs to, as its agent, percpud-fleet, sees it.
//
//   auto fleet = percpu::Fleet::Open();
//   auto placed = fleet->Place("users/42");                    // which host a key belongs to
//   auto client = fleet->Connect(placed->hosts.front());       // over TLS
//   auto sold = fleet->Sum("sold_total");                      // of all hosts, or an error
//
// Counting has nothing to do with it: increments are the Session's, in mapped memory, whatever
// becomes of agent, etcd and other hosts.
// Thread safety: all methods from any thread. Copies are cheap and share one connection.
// Errors: the agent's (FleetConnection).
class Fleet {
 public:
  // Opens nothing before the first call. Errors: INVALID_ARGUMENT for an address that is not a Unix
  // socket's.
  static absl::StatusOr<Fleet> Open(const FleetOptions& options = {});
  // For tests: asks that connection, whatever the options say of the agent.
  Fleet(std::shared_ptr<FleetConnection> agent, FleetOptions options)
      : agent_(std::move(agent)), options_(std::move(options)) {}

  // Returns the hosts. If the agent does not answer, they are those of its file, if that can be
  // read: FleetView::is_stored says so, and `stale_since` is not later than when it was written.
  absl::StatusOr<FleetView> Hosts() const;

  // Calls back with what Hosts returns, at once and then whenever it has changed, however the
  // agent dies and comes back; while Hosts fails nothing is called. Only how long a host has been
  // lost or a view stale is no change. The agent is asked once a second, on one thread of the
  // watch's own, where the callback runs too. Errors: RESOURCE_EXHAUSTED if the system allows no
  // further thread.
  absl::StatusOr<FleetWatch> Watch(std::function<void(const FleetView&)> callback) const;

  // Finds the hosts that have a variable, with the type and size that each has. Hosts that do not
  // answer are named.
  absl::StatusOr<FoundVariable> Find(std::string_view name,
                                     absl::Duration deadline = absl::Seconds(1)) const;

  // Adds up the variable of that name over hosts, or if there is none the family in
  // SumOptions::name_space, for which hosts have the deadline anew. Errors: NOT_FOUND if no host
  // has either; UNAVAILABLE with the reason kHostsMissing, or PERMISSION_DENIED, naming the hosts
  // that are missing.
  absl::StatusOr<FleetSum> Sum(std::string_view name, const SumOptions& options = {}) const;
  // Adds up a family, series by series and cell by cell. Errors: NOT_FOUND, FAILED_PRECONDITION if
  // hosts have it with different shapes; as Sum.
  absl::StatusOr<FamilySum> SumFamily(std::string_view family,
                                      const SumOptions& options = {}) const {
    return agent_->SumFamily(family, options);
  }
  // Adds up all variables whose names begin so, each by itself. Errors: as Sum.
  absl::StatusOr<VariablesSum> SumVariables(std::string_view prefix,
                                            const SumOptions& options = {}) const {
    return agent_->SumVariables(prefix, options);
  }

  // Says which `count` hosts, 1 to 1000, a key belongs to. It is any bytes, almost 64 KiB at most.
  // Two answers of one epoch are alike wherever they were given.
  absl::StatusOr<Placement> Place(std::string_view key, std::uint32_t count = 1) const {
    return agent_->Place(key, count);
  }

  // Returns a client of that host's percpud, over TLS with FleetOptions::hosts. A server's name in
  // the host's record takes the place of the options'. Several addresses are tried in their order,
  // eight at most, until one answers a Ping, for which each has CallOptions::deadline. Errors:
  // NOT_FOUND if the fleet has no such host; FAILED_PRECONDITION if its record has no address
  // "tls:HOST:PORT"; INVALID_ARGUMENT for the certificate's files; the last Ping's.
  absl::StatusOr<Client> Connect(std::string_view host) const;

 private:
  std::shared_ptr<FleetConnection> agent_;
  FleetOptions options_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_FLEET_H_
