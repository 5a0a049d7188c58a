// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/fleet_sums.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/fleet_agent.h"
#include "client/cli/commands/labels.h"
#include "client/cli/commands/series.h"
#include "client/cli/commands/target.h"
#include "client/cli/parse.h"
#include "server/base/status_macros.h"

namespace percpu::cli {
namespace {

struct Options {
  std::shared_ptr<std::string> agent;
  // A family, or the beginning of variables' names.
  std::string name;
  bool available = false;
  bool by_host = false;
  std::int64_t deadline_ns = absl::ToInt64Nanoseconds(absl::Seconds(1));
};
using Shared = std::shared_ptr<Options>;

SumOptions AskingOf(const Context& context, const Options& options) {
  return {.policy = options.available ? SumPolicy::kAvailable : SumPolicy::kAll,
          .deadline = absl::Nanoseconds(options.deadline_ns),
          .name_space = context.name_space,
          .by_host = options.by_host};
}

// --- Families ----------------------------------------------------------------------

bool IsObserved(const FamilyShape& shape) {
  return shape.type == FamilyType::kHistogram || shape.type == FamilyType::kSummary;
}

Value SeriesName(const FamilyShape& shape, const SummedSeries& series) {
  if (shape.label_names.empty()) return Absent{};
  return LabelText(shape.label_names, series.label_values);
}

std::vector<Value> Row(const FamilyShape& shape, const SummedSeries& series, const Value& host,
                       const std::vector<CellSum>& cells) {
  std::vector<Value> out{SeriesName(shape, series), host, CellsTotal(shape, cells)};
  if (IsObserved(shape)) out.emplace_back(Number{CellsSum(cells)});
  return out;
}

Table SeriesTable(const FamilySum& sum, bool by_host) {
  const FamilyShape& shape = sum.shape;
  const bool has_labels = !shape.label_names.empty();
  const bool observed = IsObserved(shape);
  Table out{.key = "series",
            .title = "",
            .columns = {{"labels", has_labels ? "LABELS" : ""},
                        {by_host ? "host" : "", by_host ? "HOST" : ""},
                        {observed ? "count" : "value", observed ? "COUNT" : "VALUE"}},
            .rows = {}};
  if (observed) out.columns.push_back({"sum", "SUM"});
  for (const SummedSeries& series : sum.series) {
    for (const HostCells& host : series.by_host) {
      out.rows.push_back(Row(shape, series, host.host, host.cells));
    }
    out.rows.push_back(Row(shape, series, by_host ? Value("all") : Absent{}, series.cells));
  }
  return out;
}

absl::StatusOr<Report> Sum(Context& context, const Options& options) {
  ASSIGN_OR_RETURN(const FamilySum sum,
                   Reached(context.connect_fleet(*options.agent)
                               ->SumFamily(options.name, AskingOf(context, options))));
  std::vector<Fields::Field> about = RoundFields(sum.round);
  const std::string problem = ProblemOf(sum.round);
  // A shell picks up the number alone.
  const bool is_one = sum.shape.label_names.empty() && sum.series.size() == 1 &&
                      !IsObserved(sum.shape) && !options.by_host;
  if (is_one) {
    return Report{{Scalar{.key = "value",
                          .value = CellsTotal(sum.shape, sum.series.front().cells),
                          .about = std::move(about)}},
                  problem};
  }
  about.insert(about.begin(),
               {{"family", sum.shape.name, ""}, {"type", FamilyTypeName(sum.shape.type), ""}});
  Fields head{.key = "", .title = "", .fields = std::move(about)};
  return Report{{std::move(head), SeriesTable(sum, options.by_host)}, problem};
}

// --- Variables ---------------------------------------------------------------------

// A number; of histograms how many observations.
Value ValueOf(VariableType type, const std::vector<std::int64_t>& sums) {
  if (sums.empty()) return Absent{};
  std::uint64_t sum = 0;
  for (const std::int64_t one : sums) sum += static_cast<std::uint64_t>(one);
  if (type == VariableType::kGauge) return Signed{static_cast<std::int64_t>(sum)};
  return Count{sum};
}

absl::StatusOr<Report> Vars(Context& context, const Options& options) {
  ASSIGN_OR_RETURN(const VariablesSum sums,
                   Reached(context.connect_fleet(*options.agent)
                               ->SumVariables(options.name, AskingOf(context, options))));
  const bool by_host = options.by_host;
  Table table{.key = "variables",
              .title = "",
              .columns = {{"name", "NAME"},
                          {by_host ? "host" : "", by_host ? "HOST" : ""},
                          {"type", "TYPE"},
                          {"value", "VALUE"},
                          {"hosts", "HOSTS"},
                          {"differing_hosts", "DIFFER"}},
              .rows = {}};
  for (const SummedVariable& variable : sums.variables) {
    for (const HostVariable& host : variable.by_host) {
      table.rows.push_back({variable.name, host.host, VariableTypeName(host.type),
                            ValueOf(host.type, host.sums), Absent{}, Absent{}});
    }
    table.rows.push_back({variable.name, by_host ? Value("all") : Absent{},
                          VariableTypeName(variable.type), ValueOf(variable.type, variable.sums),
                          Count{variable.hosts},
                          OrAbsent(absl::StrJoin(variable.differing_hosts, " "))});
  }
  Fields head{.key = "", .title = "", .fields = RoundFields(sums.round)};
  return Report{{std::move(head), std::move(table)}, ProblemOf(sums.round)};
}

// --- Words -------------------------------------------------------------------------

using Run = absl::StatusOr<Report> (*)(Context&, const Options&);

Command AddVerb(CLI::App& noun, const char* name, const char* summary, const char* details,
                const Shared& options, Run run) {
  Command out = AddPlain(noun, name, summary, details,
                         [options, run](Context& context) { return run(context, *options); });
  out.parser->add_flag("--available", options->available,
                       "Leave out hosts that do not answer, and name them: exit code 3");
  out.parser->add_flag("--by-host", options->by_host, "Show what each host has, too");
  out.parser->add_option("--deadline", options->deadline_ns, "How long hosts have")
      ->option_text("TIME [1s]")
      ->transform(AsNanoseconds());
  return out;
}

}  // namespace

Commands AddFleetSums(CLI::App& noun, const std::shared_ptr<std::string>& agent) {
  const auto options = std::make_shared<Options>();
  options->agent = agent;
  Command sum = AddVerb(noun, "sum", "What all hosts have counted in a family",
                        "The family is --namespace's. All hosts have to answer, unless\n"
                        "--available is given, and export the family to this one.",
                        options, Sum);
  sum.parser->add_option("FAMILY", options->name, "Its whole name")
      ->option_text(" ")
      ->check(IsName())
      ->required();
  Command vars = AddVerb(noun, "vars", "Variables, added up over all hosts",
                         "A variable that some hosts have with another type or size is added up\n"
                         "without these, which are named.",
                         options, Vars);
  vars.parser->add_option("PREFIX", options->name, "Only those whose names begin so")
      ->option_text(" ");
  return {std::move(sum), std::move(vars)};
}

}  // namespace percpu::cli
