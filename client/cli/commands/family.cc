// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// family list, show, reset and rm: the metrics that applications have made.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/labels.h"
#include "client/cli/commands/series.h"
#include "server/base/status_macros.h"

namespace percpu::cli {
namespace {

absl::StatusOr<Report> Families(Context& context) {
  std::optional<std::string_view> name_space;
  if (!context.name_space.empty()) name_space = context.name_space;
  ASSIGN_OR_RETURN(const std::vector<FamilyInfo> families,
                   context.metrics->ListFamilies(name_space));
  Table table{.key = "families",
              .title = "",
              .columns = {{"namespace", "NAMESPACE"},
                          {"name", "NAME"},
                          {"type", "TYPE"},
                          {"labels", "LABELS"},
                          {"series", "SERIES"},
                          {"max_series", "LIMIT"},
                          {"overflowed", "OVERFLOWED"},
                          {"refused", "REFUSED"}},
              .rows = {}};
  for (const FamilyInfo& family : families) {
    table.rows.push_back({family.name_space, family.shape.name, FamilyTypeName(family.shape.type),
                          absl::StrJoin(family.shape.label_names, ","), Count{family.series},
                          Count{family.max_series}, Count{family.overflowed},
                          Count{family.refused}});
  }
  return Report{{std::move(table)}};
}

Fields FamilyFields(const FamilyInfo& family) {
  const FamilyShape& shape = family.shape;
  const auto text = [](const std::string& value) {
    return value.empty() ? Value(Absent{}) : Value(value);
  };
  return {.key = "family",
          .title = "",
          .fields = {{"namespace", family.name_space, ""},
                     {"name", shape.name, ""},
                     {"type", FamilyTypeName(shape.type), ""},
                     {"help", text(shape.help), ""},
                     {"unit", text(shape.unit), ""},
                     {"cells", CellsName(shape), ""},
                     {"labels", text(absl::StrJoin(shape.label_names, ",")), ""},
                     {"bounds", text(absl::StrJoin(shape.bounds, ",")), ""},
                     {"series", Count{family.series}, ""},
                     {"max_series", Count{family.max_series}, "more share one"},
                     {"overflowed", Count{family.overflowed}, "openings that found it full"},
                     {"refused", Count{family.refused}, "openings that wanted another shape"}}};
}

Table SeriesTable(const FamilyShape& shape, const std::vector<SeriesInfo>& series) {
  const bool observes = shape.type == FamilyType::kHistogram || shape.type == FamilyType::kSummary;
  Table table{.key = "series", .title = "", .columns = {{"labels", "LABELS"}}, .rows = {}};
  table.columns.push_back(observes ? Table::Column{"count", "COUNT"}
                                   : Table::Column{"value", "VALUE"});
  if (observes) table.columns.push_back({"sum", "SUM"});
  table.columns.push_back({"pointer", "POINTER"});
  for (const SeriesInfo& each : series) {
    std::vector<Value>& row = table.rows.emplace_back(
        std::vector<Value>{LabelText(shape.label_names, each.label_values), Total(shape, {each})});
    if (observes) row.push_back(Number{ObservedSum({each})});
    row.push_back(each.pointer == kNull ? Value(Absent{})
                                        : Value(Offset{percpu::Value(each.pointer)}));
  }
  return table;
}

absl::StatusOr<Report> Show(Context& context, const MetricArguments& arguments) {
  ASSIGN_OR_RETURN(const FamilyInfo family, FindFamily(context, arguments.name));
  ASSIGN_OR_RETURN(const std::vector<SeriesInfo> series,
                   FindSeries(context, family, arguments.labels()));
  return Report{{FamilyFields(family), SeriesTable(family.shape, series)}};
}

// What to do with all series of a family, or with the one that has the labels.
using Change = absl::StatusOr<std::uint64_t> (MetricsConnection::*)(
    std::string_view, std::string_view, const std::optional<std::vector<std::string>>&);

absl::StatusOr<Report> Apply(Context& context, const MetricArguments& arguments, Change change,
                             const char* done) {
  ASSIGN_OR_RETURN(const FamilyInfo family, FindFamily(context, arguments.name));
  std::optional<std::vector<std::string>> values;
  if (const Labels labels = arguments.labels(); !labels.empty()) {
    ASSIGN_OR_RETURN(values, ValuesOf(family.shape, labels));
  }
  ASSIGN_OR_RETURN(const std::uint64_t series,
                   (context.metrics.get()->*change)(family.name_space, family.shape.name, values));
  return Report{{Fields{.key = "", .title = "", .fields = {{done, Count{series}, "series"}}}}};
}

Command AddShow(CLI::App& noun) {
  CLI::App* parser = AddCommand(noun, "show", "One family, with its series and their values");
  parser->footer("With labels only the series that have them.");
  const auto arguments = std::make_shared<MetricArguments>();
  AddMetricArguments(*parser, *arguments, NumberWord::kNone, "");
  return {.parser = parser,
          .run = [arguments](Context& context) { return Show(context, *arguments); }};
}

Command AddReset(CLI::App& noun) {
  CLI::App* parser = AddCommand(noun, "reset", "Have series count from 0 again");
  parser->footer(
      "All of the family, or the one that all its labels name. Processes that count go\n"
      "on, and nothing that they count from now on is lost.");
  const auto arguments = std::make_shared<MetricArguments>();
  AddMetricArguments(*parser, *arguments, NumberWord::kNone, "");
  return {.parser = parser, .run = [arguments](Context& context) {
            return Apply(context, *arguments, &MetricsConnection::ResetSeries, "reset");
          }};
}

Command AddRemove(CLI::App& noun) {
  CLI::App* parser = AddCommand(noun, "rm", "Remove series");
  parser->footer(
      "All of the family, or the one that all its labels name. A series that moves\n"
      "again is shown again, from 0. Its memory is granted again when every session\n"
      "that may write to it has ended.");
  const auto arguments = std::make_shared<MetricArguments>();
  AddMetricArguments(*parser, *arguments, NumberWord::kNone, "");
  return {.parser = parser, .run = [arguments](Context& context) {
            return Apply(context, *arguments, &MetricsConnection::RemoveSeries, "removed");
          }};
}

}  // namespace

Commands AddFamily(CLI::App& root) {
  CLI::App& noun = AddNoun(root, "family", "Metrics of applications: list, show, reset, rm");
  Command list =
      AddPlain(noun, "list", "Families, and how many series each has",
               "Those of all namespaces, or with --namespace of one. OVERFLOWED counts openings\n"
               "that found the family full, REFUSED those that wanted another shape.",
               Families);
  return {std::move(list), AddShow(noun), AddReset(noun), AddRemove(noun)};
}

}  // namespace percpu::cli
