// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// fleet: the hosts that percpud-fleet knows of, where keys are placed among them, and what they
// have together.

#include <pwd.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/fleet_agent.h"
#include "client/cli/commands/fleet_sums.h"
#include "client/cli/commands/fleet_top.h"
#include "client/cli/parse.h"
#include "client/cli/text.h"
#include "server/base/status_macros.h"

namespace percpu::cli {
namespace {

constexpr std::uint64_t kMostPlaced = 1000;

// What every verb is given.
struct Options {
  std::string agent = kDefaultFleetAgent;
  // A host or a key.
  std::string name;
  std::string reason;
  std::uint32_t count = 1;
};
using Shared = std::shared_ptr<Options>;

std::shared_ptr<FleetConnection> AgentOf(const Context& context, const Options& options) {
  return context.connect_fleet(options.agent);
}

// Who runs this, as the host knows them.
std::string UserName() {
  const passwd* const entry = getpwuid(getuid());
  return entry == nullptr ? absl::StrCat("uid ", getuid()) : entry->pw_name;
}

std::string Addresses(const FleetHost& host) { return absl::StrJoin(host.addresses, " "); }

std::vector<Value> Row(const FleetHost& host) {
  const auto& layout = host.layout;
  std::vector<Value> out = HostRow(host);
  out.insert(out.end(), {layout ? Value(Count{layout->cpus}) : Absent{},
                         layout ? Value(Size{layout->arena_size_bytes}) : Absent{},
                         OrAbsent(host.version), OrAbsent(Addresses(host))});
  return out;
}

// What the view as a whole is worth.
Fields ViewFields(const FleetView& view) {
  return {.key = "",
          .title = "",
          .fields = {{"fleet", view.fleet, ""},
                     {"epoch", view.epoch, ""},
                     {"stale_seconds", AgeOf(view.stale_since), ""},
                     {"mass_loss", view.mass_loss, ""}}};
}

absl::StatusOr<Report> Hosts(Context& context, const Options& options) {
  ASSIGN_OR_RETURN(const FleetView view, Reached(AgentOf(context, options)->ListHosts()));
  Table table{.key = "hosts", .title = "", .columns = HostColumns(), .rows = {}};
  table.columns.insert(table.columns.end(), {{"cpus", "CPUS"},
                                             {"arena_size_bytes", "ARENA"},
                                             {"version", "VERSION"},
                                             {"addresses", "ADDRESSES"}});
  for (const FleetHost& host : view.hosts) table.rows.push_back(Row(host));
  return Report{{ViewFields(view), std::move(table)}};
}

absl::StatusOr<Report> Where(Context& context, const Options& options) {
  ASSIGN_OR_RETURN(const FleetView view, Reached(AgentOf(context, options)->ListHosts()));
  for (const FleetHost& host : view.hosts) {
    if (host.name != options.name) continue;
    Fields out{.key = "",
               .title = "",
               .fields = {{"name", host.name, ""},
                          {"state", HostStateName(host.state), ""},
                          {"lost_seconds", AgeOf(host.lost_since), ""},
                          {"percpud", HostServingName(host.serving), ""},
                          {"drained", host.drain.has_value(), host.drain ? host.drain->reason : ""},
                          {"addresses", OrAbsent(Addresses(host)), ""},
                          {"server_name", OrAbsent(host.server_name), ""},
                          {"metrics_address", OrAbsent(host.metrics_address), ""},
                          {"incarnation", host.incarnation, ""},
                          {"epoch", view.epoch, ""}}};
    for (const auto& [name, value] : host.labels) {
      out.fields.push_back({absl::StrCat("label_", name), value, ""});
    }
    return Report{{std::move(out)}};
  }
  return absl::NotFoundError(
      absl::StrCat("the fleet ", view.fleet, " has no host \"", options.name, "\""));
}

// The first thing that is wrong with the agent; empty if nothing is.
std::string ProblemOf(const FleetStatus& status) {
  if (!status.is_watching) return absl::StrCat("etcd is not followed: ", status.watch_problem);
  if (!status.certificate_problem.empty()) {
    return absl::StrCat("the certificate: ", status.certificate_problem);
  }
  if (!status.is_percpud_serving) return "percpud does not answer";
  if (!status.is_registered) {
    return absl::StrCat("the host is not registered: ", status.registration_problem);
  }
  if (status.mass_loss) return "more than half of the hosts were lost at once";
  return "";
}

absl::StatusOr<Report> Status(Context& context, const Options& options) {
  ASSIGN_OR_RETURN(const FleetStatus status, Reached(AgentOf(context, options)->GetStatus()));
  Fields out{.key = "",
             .title = "",
             .fields = {{"fleet", status.fleet, ""},
                        {"host", status.host, ""},
                        {"version", status.version, ""},
                        {"uptime_seconds", Span{absl::ToDoubleSeconds(status.uptime)}, ""},
                        {"registered", status.is_registered, status.registration_problem},
                        {"percpud_serving", status.is_percpud_serving, ""},
                        {"etcd", status.etcd, ""},
                        {"watching", status.is_watching, status.watch_problem},
                        {"hosts_up", Count{status.hosts_up}, ""},
                        {"hosts_lost", Count{status.hosts_lost}, ""},
                        {"hosts_drained", Count{status.hosts_drained}, ""},
                        {"mass_loss", status.mass_loss, ""},
                        {"stale_seconds", AgeOf(status.stale_since), ""},
                        {"epoch", status.epoch, ""}}};
  return Report{{std::move(out)}, ProblemOf(status)};
}

absl::StatusOr<Report> Place(Context& context, const Options& options) {
  ASSIGN_OR_RETURN(const Placement placed,
                   Reached(AgentOf(context, options)->Place(options.name, options.count)));
  if (placed.hosts.empty()) {
    return absl::FailedPreconditionError("the fleet has no host that takes keys");
  }
  List hosts{.key = "hosts", .values = {placed.hosts.begin(), placed.hosts.end()}};
  // A shell picks up the name alone.
  Scalar best{
      .key = "host",
      .value = placed.hosts.front(),
      .about = {{"epoch", placed.epoch, ""}, {"stale_seconds", AgeOf(placed.stale_since), ""}}};
  if (options.count == 1) return Report{{std::move(best)}};
  Fields about{.key = "", .title = "", .fields = std::move(best.about)};
  return Report{{std::move(about), std::move(hosts)}};
}

absl::StatusOr<Report> Targets(Context& context, const Options& options) {
  ASSIGN_OR_RETURN(const std::string text, Reached(AgentOf(context, options)->GetTargets()));
  // Its lines are ASCII, and so stay as they are, if the agent is one.
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (std::string& line : lines) line = Printable(line);
  return Report{{Text{.key = "targets", .text = absl::StrJoin(lines, "\n")}}};
}

Report Done(const char* what, const std::string& host) {
  return Report{{Fields{.key = "", .title = "", .fields = {{what, host, ""}}}}};
}

absl::StatusOr<Report> Drain(Context& context, const Options& options) {
  RETURN_IF_ERROR(
      Reached(AgentOf(context, options)->Drain(options.name, UserName(), options.reason)));
  return Done("drained", options.name);
}

absl::StatusOr<Report> Undrain(Context& context, const Options& options) {
  RETURN_IF_ERROR(Reached(AgentOf(context, options)->Undrain(options.name)));
  return Done("undrained", options.name);
}

using Run = absl::StatusOr<Report> (*)(Context&, const Options&);

Command AddVerb(CLI::App& noun, const char* name, const char* summary, const char* details,
                const Shared& options, Run run) {
  return AddPlain(noun, name, summary, details,
                  [options, run](Context& context) { return run(context, *options); });
}

// A verb about a host or a key.
Command AddNamed(CLI::App& noun, const char* name, const char* summary, const char* details,
                 const Shared& options, const char* metavar, Run run) {
  Command out = AddVerb(noun, name, summary, details, options, run);
  out.parser->add_option(metavar, options->name, "Its name")->option_text(" ")->required();
  return out;
}

}  // namespace

Commands AddFleet(CLI::App& root) {
  CLI::App& noun = AddNoun(root, "fleet", "Hosts of the fleet, their sums, places for keys");
  const auto options = std::make_shared<Options>();
  noun.add_option("--agent", options->agent, "Where percpud-fleet is, unix:PATH")
      ->option_text(absl::StrCat("ADDRESS [", kDefaultFleetAgent, "]"))
      ->envname("PERCPUD_AGENT");
  Commands out = {
      AddVerb(noun, "hosts", "All hosts, with the state of each",
              "A host is up while its record is in etcd, and lost for a while after it has gone.\n"
              "stale_seconds is - while the view is as etcd says. Agents of one epoch place\n"
              "keys alike.",
              options, Hosts),
      AddVerb(noun, "status", "How this host's percpud-fleet is",
              "Exit code 3 if it is not registered, does not follow etcd or has lost most hosts.",
              options, Status),
      AddNamed(noun, "where", "Where a host is reached, and how it is", "", options, "HOST", Where),
      AddVerb(noun, "targets", "The file of targets for Prometheus's file_sd", "", options,
              Targets)};
  Command place =
      AddNamed(noun, "place", "Which host a key belongs to",
               "By weighted rendezvous hashing over hosts that are up or lost, and not\n"
               "drained. With -k the next owners too, best first.",
               options, "KEY", Place);
  place.parser->add_option("-k", options->count, "How many hosts")
      ->option_text("N [1]")
      ->transform(AsCount(1, kMostPlaced));
  Command drain = AddNamed(noun, "drain", "Place no keys on a host",
                           "For root. The mark stays until undrain, whatever the host does.",
                           options, "HOST", Drain);
  drain.parser->add_option("--reason", options->reason, "Why, for others to read")
      ->option_text("TEXT");
  out.push_back(std::move(place));
  out.push_back(std::move(drain));
  out.push_back(AddNamed(noun, "undrain", "Place keys on a host again", "For root.", options,
                         "HOST", Undrain));
  for (Command& sums : AddFleetSums(noun, {options, &options->agent})) {
    out.push_back(std::move(sums));
  }
  out.push_back(AddFleetTop(noun, {options, &options->agent}));
  return out;
}

}  // namespace percpu::cli
