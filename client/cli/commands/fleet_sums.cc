// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/fleet_sums.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/fleet_agent.h"
#include "client/cli/commands/labels.h"
#include "client/cli/parse.h"

namespace percpu::cli {
namespace {

namespace fleet = percpud::fleet::v1;
namespace wire = percpud::v1;

using Cells = google::protobuf::RepeatedPtrField<wire::CellSum>;
using Sums = google::protobuf::RepeatedField<std::int64_t>;

struct Options {
  std::shared_ptr<std::string> agent;
  // A family, or the beginning of variables' names.
  std::string name;
  bool available = false;
  bool by_host = false;
  std::int64_t deadline_ns = absl::ToInt64Nanoseconds(absl::Seconds(1));
};
using Shared = std::shared_ptr<Options>;

fleet::Asking AskingOf(const Options& options) {
  fleet::Asking out;
  out.set_available(options.available);
  out.set_by_host(options.by_host);
  constexpr std::int64_t kSecond = 1'000'000'000;
  out.mutable_deadline()->set_seconds(options.deadline_ns / kSecond);
  out.mutable_deadline()->set_nanos(static_cast<std::int32_t>(options.deadline_ns % kSecond));
  return out;
}

FleetAgent AgentOf(const Context& context, const Options& options) {
  // What the hosts have comes on top of what the agent needs.
  return {*options.agent, context.timeout + absl::Nanoseconds(options.deadline_ns)};
}

// --- What an answer is of ----------------------------------------------------------

std::string MissingText(const fleet::Round& round) {
  return absl::StrJoin(round.missing(), " ", [](std::string* out, const fleet::MissingHost& host) {
    absl::StrAppend(out, host.host());
  });
}

// Empty if the answer is of all hosts.
std::string ProblemOf(const fleet::Round& round) {
  if (round.missing().empty()) return "";
  return absl::StrCat(
      "hosts are missing: ",
      absl::StrJoin(round.missing(), "; ", [](std::string* out, const fleet::MissingHost& host) {
        absl::StrAppend(out, host.host(), " (", host.message(), ")");
      }));
}

std::vector<Fields::Field> RoundFields(const fleet::Round& round) {
  const std::string missing = MissingText(round);
  return {{"hosts", Count{static_cast<std::uint64_t>(round.hosts_size())}, ""},
          {"missing", missing.empty() ? Value(Absent{}) : Value(missing), ""},
          {"epoch", round.epoch(), ""}};
}

// --- Families ----------------------------------------------------------------------

bool IsObserved(const wire::FamilyShape& shape) {
  return shape.type() == wire::FAMILY_TYPE_HISTOGRAM || shape.type() == wire::FAMILY_TYPE_SUMMARY;
}

std::string TypeName(wire::FamilyType type) {
  switch (type) {
    case wire::FAMILY_TYPE_COUNTER:
      return "counter";
    case wire::FAMILY_TYPE_GAUGE:
      return "gauge";
    case wire::FAMILY_TYPE_HISTOGRAM:
      return "histogram";
    case wire::FAMILY_TYPE_SUMMARY:
      return "summary";
    default:
      return "unknown";
  }
}

double SumOf(const Cells& cells) {
  double out = 0;
  for (const wire::CellSum& cell : cells) out += cell.sum();
  return out;
}

std::uint64_t CountOf(const Cells& cells) {
  std::uint64_t out = 0;
  for (const wire::CellSum& cell : cells) out += cell.count();
  return out;
}

// A number; of histograms and summaries how many observations.
Value ValueOf(const wire::FamilyShape& shape, const Cells& cells) {
  if (cells.empty()) return Absent{};
  if (IsObserved(shape)) return Count{CountOf(cells)};
  if (shape.cells() != wire::CELL_KIND_INTEGER) return Number{SumOf(cells)};
  if (shape.type() == wire::FAMILY_TYPE_GAUGE) {
    return Signed{static_cast<std::int64_t>(CountOf(cells))};
  }
  return Count{CountOf(cells)};
}

Value SeriesName(const wire::FamilyShape& shape, const fleet::SummedSeries& series) {
  if (shape.label_names().empty()) return Absent{};
  return LabelText({shape.label_names().begin(), shape.label_names().end()},
                   {series.label_values().begin(), series.label_values().end()});
}

std::vector<Value> Row(const wire::FamilyShape& shape, const fleet::SummedSeries& series,
                       const Value& host, const Cells& cells) {
  std::vector<Value> out{SeriesName(shape, series), host, ValueOf(shape, cells)};
  if (IsObserved(shape)) out.emplace_back(Number{SumOf(cells)});
  return out;
}

Table SeriesTable(const fleet::SumFamilyResponse& response, bool by_host) {
  const wire::FamilyShape& shape = response.shape();
  Table out{
      .key = "series",
      .title = "",
      .columns = {{"labels", shape.label_names().empty() ? "" : "LABELS"},
                  {by_host ? "host" : "", by_host ? "HOST" : ""},
                  {IsObserved(shape) ? "count" : "value", IsObserved(shape) ? "COUNT" : "VALUE"}},
      .rows = {}};
  if (IsObserved(shape)) out.columns.push_back({"sum", "SUM"});
  for (const fleet::SummedSeries& series : response.series()) {
    for (const fleet::HostCells& host : series.by_host()) {
      out.rows.push_back(Row(shape, series, host.host(), host.cells()));
    }
    out.rows.push_back(Row(shape, series, by_host ? Value("all") : Absent{}, series.cells()));
  }
  return out;
}

absl::StatusOr<Report> Sum(Context& context, const Options& options) {
  fleet::SumFamilyRequest request;
  request.set_namespace_(context.name_space);
  request.set_family(options.name);
  *request.mutable_asking() = AskingOf(options);
  const absl::StatusOr<fleet::SumFamilyResponse> sum = AgentOf(context, options).SumFamily(request);
  if (!sum.ok()) return sum.status();
  std::vector<Fields::Field> about = RoundFields(sum->round());
  const std::string problem = ProblemOf(sum->round());
  // A shell picks up the number alone.
  const bool is_one = sum->shape().label_names().empty() && sum->series_size() == 1 &&
                      !IsObserved(sum->shape()) && !options.by_host;
  if (is_one) {
    return Report{{Scalar{.key = "value",
                          .value = ValueOf(sum->shape(), sum->series(0).cells()),
                          .about = std::move(about)}},
                  problem};
  }
  about.insert(about.begin(),
               {{"family", sum->shape().name(), ""}, {"type", TypeName(sum->shape().type()), ""}});
  Fields head{.key = "", .title = "", .fields = std::move(about)};
  return Report{{std::move(head), SeriesTable(*sum, options.by_host)}, problem};
}

// --- Variables ---------------------------------------------------------------------

std::string TypeName(wire::VariableType type) {
  switch (type) {
    case wire::VARIABLE_TYPE_COUNTER:
      return "counter";
    case wire::VARIABLE_TYPE_GAUGE:
      return "gauge";
    case wire::VARIABLE_TYPE_HISTOGRAM:
      return "histogram";
    default:
      return "bytes";
  }
}

// A number; of histograms how many observations.
Value ValueOf(wire::VariableType type, const Sums& sums) {
  if (sums.empty()) return Absent{};
  std::uint64_t sum = 0;
  for (const std::int64_t one : sums) sum += static_cast<std::uint64_t>(one);
  if (type == wire::VARIABLE_TYPE_GAUGE) return Signed{static_cast<std::int64_t>(sum)};
  return Count{sum};
}

Value Differing(const fleet::SummedVariable& variable) {
  if (variable.differing_hosts().empty()) return Absent{};
  return absl::StrJoin(variable.differing_hosts(), " ");
}

absl::StatusOr<Report> Vars(Context& context, const Options& options) {
  fleet::SumVariablesRequest request;
  request.set_prefix(options.name);
  *request.mutable_asking() = AskingOf(options);
  const absl::StatusOr<fleet::SumVariablesResponse> sums =
      AgentOf(context, options).SumVariables(request);
  if (!sums.ok()) return sums.status();
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
  for (const fleet::SummedVariable& variable : sums->variables()) {
    const std::string type = TypeName(variable.type());
    for (const fleet::HostSums& host : variable.by_host()) {
      table.rows.push_back({variable.name(), host.host(), type,
                            ValueOf(variable.type(), host.sums()), Absent{}, Absent{}});
    }
    table.rows.push_back({variable.name(), by_host ? Value("all") : Absent{}, type,
                          ValueOf(variable.type(), variable.sums()), Count{variable.hosts()},
                          Differing(variable)});
  }
  Fields head{.key = "", .title = "", .fields = RoundFields(sums->round())};
  return Report{{std::move(head), std::move(table)}, ProblemOf(sums->round())};
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
  sum.parser->add_option("FAMILY", options->name, "Its whole name")->option_text(" ")->required();
  Command vars = AddVerb(noun, "vars", "Variables, added up over all hosts",
                         "A variable that some hosts have with another type or size is added up\n"
                         "without these, which are named.",
                         options, Vars);
  vars.parser->add_option("PREFIX", options->name, "Only those whose names begin so")
      ->option_text(" ");
  return {std::move(sum), std::move(vars)};
}

}  // namespace percpu::cli
