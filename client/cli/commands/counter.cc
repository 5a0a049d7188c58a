// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// inc, get, set and observe: counters, gauges and histograms by name. A variable of that
// name comes before a family.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/labels.h"
#include "client/cli/commands/series.h"
#include "client/cli/commands/target.h"
#include "client/cli/count_here.h"
#include "client/cli/parse.h"
#include "server/base/status_macros.h"

namespace percpu::cli {
namespace {

// The bounds of Prometheus's clients, for a histogram that is not there yet.
constexpr std::array kBounds = {.005, .01, .025, .05, .075, .1,  .25,
                                .5,   .75, 1.0,  2.5, 5.0,  7.5, 10.0};

absl::Status NotAnInteger(const Target& target) {
  return absl::FailedPreconditionError(
      absl::StrCat("name: ", target.name, " is of type ", VariableTypeName(target.type),
                   ", and only counters and gauges have a value (percpuctl read ", target.name,
                   " shows its bytes)"));
}

// The variable of that name. NOT_FOUND if there is none, or if labels say that a series
// is meant.
absl::StatusOr<Target> FindInteger(Client& client, const MetricArguments& arguments) {
  if (!arguments.labels().empty()) return absl::NotFoundError("variables have no labels");
  absl::StatusOr<Target> target = FindVariable(client, arguments.name);
  if (target.ok() && (!target->IsInteger() || target->size < sizeof(std::uint64_t))) {
    return NotAnInteger(*target);
  }
  return target;
}

Report ShowScalar(Value value, const std::string& name, const std::string& type) {
  return Report{{Scalar{.key = "value",
                        .value = std::move(value),
                        .about = {{"name", name, ""}, {"type", type, ""}}}}};
}

absl::StatusOr<Report> ShowVariable(Client& client, const Target& target) {
  ASSIGN_OR_RETURN(Value value, ReadValue(client, target));
  return ShowScalar(std::move(value), target.name, VariableTypeName(target.type));
}

// How many observations there were, and how they fell.
Report ShowDistribution(const FamilyShape& shape, const std::vector<SeriesInfo>& series) {
  Report report{{Fields{.key = "",
                        .title = "",
                        .fields = {{"name", shape.name, ""},
                                   {"type", FamilyTypeName(shape.type), ""},
                                   {"count", Total(shape, series), ""},
                                   {"sum", Number{ObservedSum(series)}, ""}}}}};
  if (shape.type != FamilyType::kHistogram) return report;
  Table table{
      .key = "buckets", .title = "", .columns = {{"le", "LE"}, {"count", "COUNT"}}, .rows = {}};
  std::uint64_t cumulative = 0;
  for (std::size_t bucket = 0; bucket <= shape.bounds.size(); ++bucket) {
    for (const SeriesInfo& each : series) {
      if (bucket + 1 < each.cells.size()) cumulative += each.cells[bucket + 1].count;
    }
    table.rows.push_back({bucket < shape.bounds.size() ? Value(Number{shape.bounds[bucket]})
                                                       : Value(std::string("+Inf")),
                          Count{cumulative}});
  }
  report.sections.emplace_back(std::move(table));
  return report;
}

absl::StatusOr<Report> ShowFamily(Context& context, const FamilyInfo& family,
                                  const Labels& labels) {
  ASSIGN_OR_RETURN(const std::vector<SeriesInfo> series, FindSeries(context, family, labels));
  const FamilyShape& shape = family.shape;
  if (shape.type == FamilyType::kHistogram || shape.type == FamilyType::kSummary) {
    return ShowDistribution(shape, series);
  }
  if (shape.type == FamilyType::kGauge && series.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "LABEL: ", series.size(), " series of the gauge ", shape.name,
        " have these labels, and gauges do not add up (percpuctl family show ", shape.name, ")"));
  }
  return ShowScalar(Total(shape, series), shape.name, FamilyTypeName(shape.type));
}

// Whether a family may have the name. Variables may have others: "http/hits".
bool IsFamilyName(absl::string_view name) {
  return !absl::ascii_isdigit(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == ':';
         });
}

// The variable that is meant, if one is. Where neither a family nor a variable has the name
// and only a variable can, a counter is made.
absl::StatusOr<Target> FindOrMakeInteger(Client& client, const MetricArguments& arguments) {
  absl::StatusOr<Target> target = FindInteger(client, arguments);
  if (!absl::IsNotFound(target.status()) || !arguments.labels().empty() ||
      IsFamilyName(arguments.name)) {
    return target;
  }
  ASSIGN_OR_RETURN(const OpenedVariable opened,
                   client.OpenVariable({.name = arguments.name,
                                        .type = VariableType::kCounter,
                                        .size_bytes = sizeof(std::uint64_t),
                                        .create = true}));
  return Target{.pointer = opened.variable.pointer,
                .name = arguments.name,
                .type = opened.variable.type,
                .size = opened.variable.size_bytes};
}

// The family, or what one without labels' values would be if it is not there.
absl::StatusOr<FamilyInfo> FindOrPlan(Context& context, const MetricArguments& arguments,
                                      FamilyShape plan) {
  absl::StatusOr<FamilyInfo> family = FindFamily(context, arguments.name);
  if (!absl::IsNotFound(family.status())) return family;
  plan.name = arguments.name;
  for (const Label& label : arguments.labels()) plan.label_names.push_back(label.name);
  return FamilyInfo{.name_space = NamespaceOf(context), .shape = std::move(plan)};
}

absl::Status WrongType(const FamilyShape& shape, absl::string_view hint) {
  return absl::FailedPreconditionError(
      absl::StrCat("name: ", shape.name, " is a ", FamilyTypeName(shape.type), " (", hint, ")"));
}

// Updates one series, where it is.
absl::StatusOr<Report> UpdateHere(Context& context, const FamilyInfo& family, const Labels& labels,
                                  Update update, const std::string& number) {
  ASSIGN_OR_RETURN(const double value, ParseNumber(number));
  ASSIGN_OR_RETURN(std::vector<std::string> values, ValuesOf(family.shape, labels));
  RETURN_IF_ERROR(CountHere({.address = context.address,
                             .name_space = family.name_space,
                             .shape = family.shape,
                             .label_values = std::move(values)},
                            update, value, context.timeout));
  return ShowFamily(context, family, labels);
}

absl::StatusOr<Report> IncInteger(Context& context, const FamilyInfo& family, const Labels& labels,
                                  const std::string& number) {
  ASSIGN_OR_RETURN(const Integer64 delta, ParseInteger(number));
  ASSIGN_OR_RETURN(const std::vector<std::string> values, ValuesOf(family.shape, labels));
  ASSIGN_OR_RETURN(const Pointer cells,
                   context.metrics->OpenSeries(family.name_space, family.shape, values));
  RETURN_IF_ERROR(context.client.Add(cells, static_cast<std::int64_t>(delta.bits)).status());
  return ShowFamily(context, family, labels);
}

absl::Status OnlyRises(const std::string& number, const std::string& name, absl::string_view hint) {
  return absl::InvalidArgumentError(absl::StrCat("DELTA: ", number, ", but ", name,
                                                 " is a counter, which only rises (", hint, ")"));
}

absl::StatusOr<Report> IncFamily(Context& context, const MetricArguments& arguments) {
  const std::string number = arguments.number().empty() ? "1" : arguments.number();
  ASSIGN_OR_RETURN(
      const FamilyInfo family,
      FindOrPlan(context, arguments, {.type = FamilyType::kCounter, .cells = CellKind::kInteger}));
  if (family.shape.type == FamilyType::kCounter && number.front() == '-') {
    return OnlyRises(number, arguments.name, "percpuctl family reset has it begin anew");
  }
  if (family.shape.type != FamilyType::kCounter && family.shape.type != FamilyType::kGauge) {
    return WrongType(family.shape, "percpuctl observe counts into it");
  }
  if (family.shape.cells == CellKind::kInteger) {
    return IncInteger(context, family, arguments.labels(), number);
  }
  return UpdateHere(context, family, arguments.labels(), Update::kAdd, number);
}

absl::StatusOr<Report> Inc(Context& context, const MetricArguments& arguments) {
  const absl::StatusOr<Target> target = FindOrMakeInteger(context.client, arguments);
  if (absl::IsNotFound(target.status())) return IncFamily(context, arguments);
  if (!target.ok()) return target.status();
  const std::string number = arguments.number().empty() ? "1" : arguments.number();
  ASSIGN_OR_RETURN(const Integer64 delta, ParseInteger(number));
  if (delta.negative && target->type == VariableType::kCounter) {
    return OnlyRises(number, target->name, "percpuctl set sets it back, a gauge may fall");
  }
  RETURN_IF_ERROR(
      context.client.Add(target->pointer, static_cast<std::int64_t>(delta.bits)).status());
  return ShowVariable(context.client, *target);
}

absl::StatusOr<Report> Get(Context& context, const MetricArguments& arguments) {
  const absl::StatusOr<Target> target = FindInteger(context.client, arguments);
  if (target.ok()) return ShowVariable(context.client, *target);
  if (!absl::IsNotFound(target.status())) return target.status();
  const absl::StatusOr<FamilyInfo> family = FindFamily(context, arguments.name);
  if (absl::IsNotFound(family.status())) {
    return absl::NotFoundError(absl::StrCat(
        "there is no variable called \"", arguments.name, "\", and no family in the namespace \"",
        NamespaceOf(context), "\" (percpuctl variable list, percpuctl family list)"));
  }
  if (!family.ok()) return family.status();
  return ShowFamily(context, *family, arguments.labels());
}

absl::StatusOr<Report> SetVariable(Client& client, const Target& target,
                                   const std::string& number) {
  ASSIGN_OR_RETURN(const Integer64 wanted, ParseInteger(number));
  const bool is_counter = target.type == VariableType::kCounter;
  const bool over_signed = !wanted.negative && wanted.bits >> 63 != 0;
  if (is_counter ? wanted.negative : over_signed) {
    return absl::InvalidArgumentError(absl::StrCat(
        "VALUE: ", number, ", but ", target.name, " is a ", VariableTypeName(target.type),
        is_counter ? ", which is never below 0" : ", which ends at 2^63-1"));
  }
  ASSIGN_OR_RETURN(const std::int64_t sum, client.Sum(target.pointer));
  const std::uint64_t change = wanted.bits - static_cast<std::uint64_t>(sum);
  RETURN_IF_ERROR(client.Add(target.pointer, static_cast<std::int64_t>(change)).status());
  return ShowVariable(client, target);
}

// Has a series count from 0 again and then adds the whole value: cells never fall, so that
// what others add meanwhile is kept.
absl::StatusOr<Report> SetCounter(Context& context, const FamilyInfo& family,
                                  const MetricArguments& arguments) {
  ASSIGN_OR_RETURN(const Integer64 wanted, ParseInteger(arguments.number()));
  if (wanted.negative || family.shape.cells != CellKind::kInteger) {
    return absl::InvalidArgumentError(
        absl::StrCat("VALUE: ", arguments.number(), ", but ", arguments.name,
                     wanted.negative ? " is a counter, which is never below 0"
                                     : " is a counter of parts, which percpuctl family reset has "
                                       "begin anew"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> values,
                   ValuesOf(family.shape, arguments.labels()));
  RETURN_IF_ERROR(
      context.metrics->ResetSeries(family.name_space, family.shape.name, values).status());
  return IncInteger(context, family, arguments.labels(), arguments.number());
}

absl::StatusOr<Report> Set(Context& context, const MetricArguments& arguments) {
  const absl::StatusOr<Target> target = FindOrMakeInteger(context.client, arguments);
  if (target.ok()) return SetVariable(context.client, *target, arguments.number());
  if (!absl::IsNotFound(target.status())) return target.status();
  ASSIGN_OR_RETURN(
      const FamilyInfo family,
      FindOrPlan(context, arguments, {.type = FamilyType::kGauge, .cells = CellKind::kShared}));
  if (family.shape.type == FamilyType::kCounter) return SetCounter(context, family, arguments);
  if (family.shape.type != FamilyType::kGauge) {
    return WrongType(family.shape, "percpuctl family reset has it begin anew");
  }
  if (family.shape.live_only) {
    return WrongType(family.shape, "of live processes: what percpuctl sets would end with it");
  }
  return UpdateHere(context, family, arguments.labels(), Update::kSet, arguments.number());
}

absl::StatusOr<Report> Observe(Context& context, const MetricArguments& arguments) {
  FamilyShape plan{.type = FamilyType::kHistogram, .cells = CellKind::kHistogram};
  plan.bounds.assign(kBounds.begin(), kBounds.end());
  ASSIGN_OR_RETURN(const FamilyInfo family, FindOrPlan(context, arguments, std::move(plan)));
  const FamilyType type = family.shape.type;
  if (type != FamilyType::kHistogram && type != FamilyType::kSummary) {
    return WrongType(family.shape, "percpuctl inc adds to it");
  }
  return UpdateHere(context, family, arguments.labels(), Update::kObserve, arguments.number());
}

using Run = absl::StatusOr<Report> (*)(Context&, const MetricArguments&);

Commands Make(CLI::App* parser, NumberWord number, const char* number_name, Run run) {
  const auto arguments = std::make_shared<MetricArguments>();
  AddMetricArguments(*parser, *arguments, number, number_name);
  return {{.parser = parser,
           .run = [arguments, run](Context& context) { return run(context, *arguments); }}};
}

}  // namespace

Commands AddInc(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "inc", "Add to a counter by name, and print its value");
  parser->footer(
      "The variable of that name, or else the family of the namespace. If there is\n"
      "neither, a family is made that counts whole numbers; a name such as http/hits,\n"
      "which no family may have, becomes a variable. A gauge may also be added to, and\n"
      "DELTA may be negative for it.\n"
      "  $ percpuctl inc hits\n"
      "  1\n"
      "  $ percpuctl --namespace shop inc requests_total code=200 5\n"
      "  5");
  return Make(parser, NumberWord::kOptional, "DELTA", &Inc);
}

Commands AddGet(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "get", "Print the value of a counter or gauge by name");
  parser->footer(
      "The value is the sum over the units of all CPUs. Series of a counter add up:\n"
      "labels that are left out may have any value. A histogram shows its buckets.");
  return Make(parser, NumberWord::kNone, "", &Get);
}

Commands AddSet(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "set", "Set a gauge or counter, and print its value");
  parser->footer(
      "The variable of that name, or else the family of the namespace. If there is\n"
      "neither, a gauge is made that is one value for all processes. A counter is\n"
      "reset, and the value is added: what others add meanwhile is kept.");
  return Make(parser, NumberWord::kRequired, "VALUE", &Set);
}

Commands AddObserve(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "observe", "Count an observation into a histogram");
  parser->footer(
      "Or into a summary. A histogram that is not there is made, with the bounds that\n"
      "Prometheus's clients have, from 0.005 to 10.\n"
      "  $ percpuctl observe job_seconds job=backup 0.25");
  return Make(parser, NumberWord::kRequired, "VALUE", &Observe);
}

}  // namespace percpu::cli
