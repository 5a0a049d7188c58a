// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/fleet/convert.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "percpu/internal/wire/convert.h"
#include "percpu/internal/wire/convert_metrics.h"

namespace percpu::fleet {
namespace {

// The enumerators of both sides are in one order, and begin with one that says nothing.
static_assert(static_cast<int>(HostState::kLost) == v1::HOST_STATE_LOST);
static_assert(static_cast<int>(HostServing::kLeft) == v1::SERVING_LEFT);

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// The time of an optional field of a message.
std::optional<absl::Time> If(bool is_there, const google::protobuf::Timestamp& time) {
  if (!is_there) return std::nullopt;
  return ToTime(time);
}

// A host whose weight is no such number takes no keys. Not a number is not even what it was.
double ToWeight(double weight) { return std::isfinite(weight) && weight >= 0 ? weight : 0; }

DrainMark ToMark(const v1::DrainMark& mark) {
  return {.by = mark.by(), .reason = mark.reason(), .at = If(mark.has_at(), mark.at())};
}

HostLayout ToLayout(const v1::Layout& layout) {
  return {.cpus = layout.cpus(),
          .backend = layout.backend(),
          .unit_size_bytes = layout.unit_size_bytes(),
          .arena_size_bytes = layout.arena_size_bytes(),
          .free_bytes = layout.free_bytes()};
}

FleetHost ToHost(const v1::Host& host) {
  const v1::HostRecord& record = host.record();
  FleetHost out{.name = host.name(),
                .state = wire::FromProtoEnum(host.state(), HostState::kLost),
                .lost_since = If(host.has_lost_since(), host.lost_since()),
                .serving = wire::FromProtoEnum(record.serving(), HostServing::kLeft),
                .drain = {},
                .weight = ToWeight(record.weight()),
                .addresses = {record.addresses().begin(), record.addresses().end()},
                .server_name = record.server_name(),
                .metrics_address = record.metrics_address(),
                .incarnation = record.incarnation(),
                .version = record.version(),
                .labels = {record.labels().begin(), record.labels().end()},
                .layout = {}};
  if (host.has_drain()) out.drain = ToMark(host.drain());
  if (record.has_layout()) out.layout = ToLayout(record.layout());
  return out;
}

SumRound ToRound(const v1::Round& round) {
  SumRound out{.as_of = ToTime(round.as_of()),
               .took = wire::FromProto(round.took()),
               .hosts = {round.hosts().begin(), round.hosts().end()},
               .missing = {},
               .epoch = round.epoch(),
               .stale_since = If(round.has_stale_since(), round.stale_since())};
  for (const v1::MissingHost& host : round.missing()) {
    out.missing.push_back(
        {.host = host.host(),
         .why = absl::Status(static_cast<absl::StatusCode>(host.code()), host.message())});
  }
  return out;
}

SummedSeries ToSeries(const v1::SummedSeries& series) {
  SummedSeries out{.label_values = {series.label_values().begin(), series.label_values().end()},
                   .cells = wire::FromProto(series.cells()),
                   .overflow = series.overflow(),
                   .by_host = {}};
  for (const v1::HostCells& host : series.by_host()) {
    out.by_host.push_back({.host = host.host(), .cells = wire::FromProto(host.cells())});
  }
  return out;
}

SummedVariable ToVariable(const v1::SummedVariable& variable) {
  SummedVariable out{
      .name = variable.name(),
      .type = wire::FromProto(variable.type()),
      .size_bytes = variable.size_bytes(),
      .sums = {variable.sums().begin(), variable.sums().end()},
      .hosts = variable.hosts(),
      .differing_hosts = {variable.differing_hosts().begin(), variable.differing_hosts().end()},
      .by_host = {}};
  for (const v1::HostSums& host : variable.by_host()) {
    out.by_host.push_back({.host = host.host(),
                           .type = wire::FromProto(host.type()),
                           .size_bytes = host.size_bytes(),
                           .sums = {host.sums().begin(), host.sums().end()}});
  }
  return out;
}

}  // namespace

FleetView FromProto(const v1::View& view) {
  FleetView out{.fleet = view.fleet(),
                .hosts = {},
                .epoch = view.epoch(),
                .stale_since = If(view.has_stale_since(), view.stale_since()),
                .mass_loss = view.mass_loss()};
  for (const v1::Host& host : view.hosts()) out.hosts.push_back(ToHost(host));
  return out;
}

FleetStatus FromProto(const v1::GetStatusResponse& status) {
  return {.fleet = status.fleet(),
          .host = status.host(),
          .version = status.version(),
          .uptime = wire::FromProto(status.uptime()),
          .is_registered = status.registered(),
          .registration_problem = status.registration_problem(),
          .etcd = status.etcd_endpoint(),
          .is_watching = status.watching(),
          .watch_problem = status.watch_problem(),
          .certificate_problem = status.certificate_problem(),
          .is_percpud_serving = status.percpud_serving(),
          .hosts_up = status.hosts_up(),
          .hosts_lost = status.hosts_lost(),
          .hosts_drained = status.hosts_drained(),
          .mass_loss = status.mass_loss(),
          .epoch = status.epoch(),
          .stale_since = If(status.has_stale_since(), status.stale_since())};
}

Placement FromProto(const v1::PlaceResponse& placed) {
  return {.hosts = {placed.hosts().begin(), placed.hosts().end()},
          .epoch = placed.epoch(),
          .stale_since = If(placed.has_stale_since(), placed.stale_since())};
}

FamilySum FromProto(const v1::SumFamilyResponse& sum) {
  FamilySum out{.shape = wire::FromProto(sum.shape()), .series = {}, .round = ToRound(sum.round())};
  for (const v1::SummedSeries& series : sum.series()) out.series.push_back(ToSeries(series));
  return out;
}

VariablesSum FromProto(const v1::SumVariablesResponse& sums) {
  VariablesSum out{.variables = {}, .round = ToRound(sums.round())};
  for (const v1::SummedVariable& each : sums.variables()) {
    out.variables.push_back(ToVariable(each));
  }
  return out;
}

v1::Asking ToProto(const SumOptions& options) {
  v1::Asking out;
  out.set_available(options.policy == SumPolicy::kAvailable);
  out.set_by_host(options.by_host);
  *out.mutable_deadline() = wire::ToProto(options.deadline);
  return out;
}

}  // namespace percpu::fleet
