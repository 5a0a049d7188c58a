// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/membership.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace percpud::fleet {
namespace {

constexpr std::size_t kFewHosts = 2;

}  // namespace

Membership::Membership(Options options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), stale_since_(clock.Now()) {}

void Membership::Restore(const v1::View& view) {
  const BootTime now = clock_.Now();
  for (const v1::Host& each : view.hosts()) {
    Host& host = hosts_[each.name()];
    host.record = each.record();
    host.mod_revision = each.mod_revision();
    if (each.state() == v1::HOST_STATE_LOST) host.lost_at = now;
    if (each.has_drain()) drains_[each.name()] = each.drain();
  }
  for (const auto& [name, mark] : view.other_drains()) drains_[name] = mark;
  if (view.mass_loss()) {
    mass_loss_.emplace(MassLoss{.since = now, .candidates = {}});
    for (const v1::PlacedHost& each : view.held_hosts()) {
      if (each.weight() > 0) mass_loss_->candidates.push_back({each.name(), each.weight()});
    }
  }
  cluster_id_ = view.cluster_id();
  revision_ = view.revision();
  ++version_;
}

void Membership::Replace(const std::vector<Change>& all, std::uint64_t cluster_id,
                         std::int64_t revision) {
  drains_.clear();
  std::set<std::string> listed;
  for (const Change& change : all) {
    ApplyOne(change);
    if (std::holds_alternative<HostIs>(change.what)) listed.insert(change.name);
  }
  for (auto& [name, host] : hosts_) {
    if (!listed.contains(name)) Lose(host);
  }
  cluster_id_ = cluster_id;
  revision_ = revision;
  followed_since_ = clock_.Now();
  stale_since_.reset();
  Judge();
  ++version_;
}

void Membership::Apply(const Change& change, std::int64_t revision) {
  ApplyOne(change);
  revision_ = revision;
  Judge();
  ++version_;
}

void Membership::ApplyOne(const Change& change) {
  if (const auto* host = std::get_if<HostIs>(&change.what)) {
    Put(change.name, *host);
  } else if (const auto* drain = std::get_if<Drained>(&change.what)) {
    drains_[change.name] = drain->mark;
  } else if (std::holds_alternative<NotDrained>(change.what)) {
    drains_.erase(change.name);
  } else if (const auto found = hosts_.find(change.name); found != hosts_.end()) {
    Lose(found->second);
  }
}

void Membership::Put(const std::string& name, const HostIs& host) {
  if (host.record.serving() == v1::SERVING_LEFT) {
    hosts_.erase(name);
    return;
  }
  hosts_[name] = {.record = host.record, .mod_revision = host.mod_revision, .lost_at = {}};
}

void Membership::Lose(Host& host) {
  if (host.lost_at) return;
  host.lost_at = clock_.Now();
  host.counts = true;
}

void Membership::Disconnected() {
  followed_since_.reset();
  if (stale_since_) return;
  stale_since_ = clock_.Now();
  ++version_;
}

void Membership::Tick() {
  Judge();
  if (mass_loss_) return;
  const BootTime now = clock_.Now();
  const auto gone =
      std::erase_if(hosts_, [&](const auto& entry) { return MayForget(entry.second, now); });
  if (gone > 0) ++version_;
}

bool Membership::MayForget(const Host& host, BootTime now) const {
  if (!host.lost_at || !followed_since_) return false;
  // Who could not reach etcd while it was away has the time of a lease to come back.
  return now - *host.lost_at >= options_.lost_grace && now - *followed_since_ >= options_.ttl;
}

std::size_t Membership::CountLost() const {
  return static_cast<std::size_t>(std::count_if(
      hosts_.begin(), hosts_.end(), [](const auto& entry) { return entry.second.lost_at; }));
}

bool Membership::IsMost(std::size_t lost) const {
  return lost > kFewHosts && 2 * lost > hosts_.size();
}

bool Membership::IsLostAtOnce() const {
  std::vector<BootTime> times;
  for (const auto& [name, host] : hosts_) {
    if (host.lost_at && host.counts) times.push_back(*host.lost_at);
  }
  std::sort(times.begin(), times.end());
  // The most losses of any stretch that is as long as a lease.
  std::size_t most = 0;
  std::size_t first = 0;
  for (std::size_t last = 0; last < times.size(); ++last) {
    while (times[last] - times[first] > options_.ttl) ++first;
    most = std::max(most, last - first + 1);
  }
  return IsMost(most);
}

void Membership::Judge() {
  const BootTime now = clock_.Now();
  if (!mass_loss_) {
    if (!IsLostAtOnce()) return;
    mass_loss_.emplace(MassLoss{.since = now, .candidates = Eligible()});
    if (!stale_since_) stale_since_ = now;
    ++version_;
    return;
  }
  if (!stale_since_) stale_since_ = mass_loss_->since;
  if (!followed_since_) return;
  const BootTime answered_since = std::max(mass_loss_->since, *followed_since_);
  if (!IsMost(CountLost()) || now - answered_since >= options_.disbelief) EndMassLoss();
}

void Membership::EndMassLoss() {
  mass_loss_.reset();
  for (auto& [name, host] : hosts_) {
    if (!host.lost_at) continue;
    host.lost_at = clock_.Now();
    host.counts = false;
  }
  stale_since_.reset();
  ++version_;
}

std::vector<Candidate> Membership::Candidates() const {
  return mass_loss_ ? mass_loss_->candidates : Eligible();
}

std::vector<Candidate> Membership::Eligible() const {
  std::vector<Candidate> out;
  for (const auto& [name, host] : hosts_) {
    if (host.record.weight() > 0 && !drains_.contains(name)) {
      out.push_back({name, host.record.weight()});
    }
  }
  return out;
}

std::optional<google::protobuf::Timestamp> Membership::StaleSince() const {
  if (!stale_since_) return std::nullopt;
  return ToTimestamp(ToHour(clock_, *stale_since_));
}

v1::View Membership::View() const {
  v1::View out;
  out.set_fleet(options_.fleet);
  for (const auto& [name, host] : hosts_) {
    v1::Host& shown = *out.add_hosts();
    shown.set_name(name);
    shown.set_state(host.lost_at ? v1::HOST_STATE_LOST : v1::HOST_STATE_UP);
    if (host.lost_at) *shown.mutable_lost_since() = ToTimestamp(ToHour(clock_, *host.lost_at));
    *shown.mutable_record() = host.record;
    shown.set_mod_revision(host.mod_revision);
    if (const auto drain = drains_.find(name); drain != drains_.end()) {
      *shown.mutable_drain() = drain->second;
    }
  }
  for (const auto& [name, mark] : drains_) {
    if (!hosts_.contains(name)) (*out.mutable_other_drains())[name] = mark;
  }
  out.set_cluster_id(cluster_id_);
  out.set_revision(revision_);
  if (const auto since = StaleSince()) *out.mutable_stale_since() = *since;
  out.set_mass_loss(mass_loss_.has_value());
  const std::vector<Candidate> candidates = Candidates();
  out.set_epoch(EpochOf(candidates));
  if (!mass_loss_) return out;
  for (const Candidate& each : candidates) {
    v1::PlacedHost& held = *out.add_held_hosts();
    held.set_name(each.name);
    held.set_weight(each.weight);
  }
  return out;
}

}  // namespace percpud::fleet
