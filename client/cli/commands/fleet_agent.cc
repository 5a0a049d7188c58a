// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/fleet_agent.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/cli/reach.h"
#include "client/cli/text.h"
#include "percpu/reason.h"

namespace percpu::cli {
namespace {

std::string MissingText(const SumRound& round) {
  return absl::StrJoin(round.missing, " ", [](std::string* out, const MissingHost& host) {
    absl::StrAppend(out, host.host);
  });
}

}  // namespace

absl::Status Reached(const absl::Status& status) {
  const std::string text = Printable(status.message());
  if (absl::IsDeadlineExceeded(status)) {
    return Unreachable(absl::StrCat(text, " (--timeout allows more)"));
  }
  if (!absl::IsUnavailable(status)) return status;
  // Other hosts cannot be reached, and the agent says so.
  if (ReasonOf(status) == kHostsMissing) return Unreachable(text);
  return Unreachable(absl::StrCat(text, " (--agent names another)"));
}

std::string HostStateName(HostState state) {
  switch (state) {
    case HostState::kUp:
      return "up";
    case HostState::kLost:
      return "lost";
    case HostState::kUnknown:
      break;
  }
  return "unknown";
}

Value HostServingName(HostServing serving) {
  switch (serving) {
    case HostServing::kUp:
      return "up";
    case HostServing::kDown:
      return "down";
    case HostServing::kLeft:
      return "left";
    case HostServing::kUnknown:
      break;
  }
  return Absent{};
}

Value AgeOf(const std::optional<absl::Time>& since) {
  if (!since) return Absent{};
  return Span{absl::ToDoubleSeconds(absl::Now() - *since)};
}

Value OrAbsent(const std::string& text) { return text.empty() ? Value(Absent{}) : Value(text); }

std::vector<Table::Column> HostColumns() {
  return {{"name", "HOST"},       {"state", "STATE"},     {"lost_seconds", "LOST FOR"},
          {"percpud", "PERCPUD"}, {"drained", "DRAINED"}, {"weight", "WEIGHT"}};
}

std::vector<Value> HostRow(const FleetHost& host) {
  return {host.name,
          HostStateName(host.state),
          AgeOf(host.lost_since),
          HostServingName(host.serving),
          host.drain.has_value(),
          Real{host.weight}};
}

std::vector<Fields::Field> RoundFields(const SumRound& round) {
  return {{"hosts", Count{round.hosts.size()}, ""},
          {"missing", OrAbsent(MissingText(round)), ""},
          {"epoch", round.epoch, ""}};
}

std::string ProblemOf(const SumRound& round) {
  if (round.missing.empty()) return "";
  return absl::StrCat(
      "hosts are missing: ",
      absl::StrJoin(round.missing, "; ", [](std::string* out, const MissingHost& host) {
        absl::StrAppend(out, host.host, " (", host.why.message(), ")");
      }));
}

}  // namespace percpu::cli
