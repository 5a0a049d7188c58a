// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_MEMBERSHIP_H_
#define PERCPUD_SERVER_FLEET_MEMBERSHIP_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "percpud/fleet/v1/fleet.pb.h"
#include "server/base/clock.h"
#include "server/fleet/records.h"
#include "server/fleet/rendezvous.h"

namespace percpud::fleet {

// The hosts of a fleet, as far as etcd has told.
//
// A record that is gone is suspicion: its host is LOST, and is forgotten only after a grace
// time during which etcd answered. A host that said that it leaves is forgotten at once. If
// more than half of the hosts, and more than two, are lost within the time that a lease
// lives, then etcd is taken to be at fault: nobody is forgotten, and keys stay placed as they
// were, until most are back or etcd has held to it for long.
//
// Not thread safe.
class Membership {
 public:
  struct Options {
    std::string fleet;
    // How long a lease lives.
    absl::Duration ttl = absl::Seconds(10);
    // How long a host stays LOST. At least `ttl`.
    absl::Duration lost_grace = absl::Seconds(60);
    // How long a mass loss is not believed while etcd answers.
    absl::Duration disbelief = absl::Minutes(10);
  };

  // `clock` outlives it. The view is stale until there is a listing.
  Membership(Options options, const Clock& clock);

  // Takes a stored view, before anything else. Its hosts' grace begins anew.
  void Restore(const v1::View& view);
  // All there is, at one revision: hosts that are not among it are lost.
  void Replace(const std::vector<Change>& all, std::uint64_t cluster_id, std::int64_t revision);
  void Apply(const Change& change, std::int64_t revision);
  // etcd is not heard any more.
  void Disconnected();
  // Forgets whose grace has passed. To be called several times a second.
  void Tick();

  // The hosts that keys are placed on, in the names' order.
  [[nodiscard]] std::vector<Candidate> Candidates() const;
  [[nodiscard]] v1::View View() const;
  // Another number after every change of what View shows.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  // Empty if the view is as etcd says.
  [[nodiscard]] std::optional<google::protobuf::Timestamp> StaleSince() const;
  [[nodiscard]] bool is_mass_loss() const { return mass_loss_.has_value(); }

 private:
  struct Host {
    v1::HostRecord record;
    std::int64_t mod_revision = 0;
    // Empty while its record is there.
    std::optional<BootTime> lost_at;
    // Its loss is new, and counts towards a mass loss.
    bool counts = false;
  };
  struct MassLoss {
    BootTime since;
    // Where keys stay.
    std::vector<Candidate> candidates;
  };

  void ApplyOne(const Change& change);
  void Put(const std::string& name, const HostIs& host);
  void Lose(Host& host);
  [[nodiscard]] std::size_t CountLost() const;
  // More than half of the hosts, and more than two.
  [[nodiscard]] bool IsMost(std::size_t lost) const;
  [[nodiscard]] bool IsLostAtOnce() const;
  // Whether a mass loss begins or ends.
  void Judge();
  void EndMassLoss();
  [[nodiscard]] bool MayForget(const Host& host, BootTime now) const;
  [[nodiscard]] std::vector<Candidate> Eligible() const;

  const Options options_;
  const Clock& clock_;
  std::map<std::string, Host> hosts_;
  std::map<std::string, v1::DrainMark> drains_;
  std::optional<MassLoss> mass_loss_;
  // Empty while etcd is not heard.
  std::optional<BootTime> followed_since_;
  std::optional<BootTime> stale_since_;
  std::uint64_t cluster_id_ = 0;
  std::int64_t revision_ = 0;
  std::uint64_t version_ = 1;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_MEMBERSHIP_H_
