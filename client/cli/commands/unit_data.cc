// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// read, write, add and sum: the data of one unit, or of all.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/series.h"
#include "client/cli/commands/target.h"
#include "client/cli/parse.h"
#include "server/base/status_macros.h"

namespace percpu::cli {
namespace {

// The options of all four; each command declares the ones it has.
struct DataOptions {
  std::string target;
  std::optional<std::uint32_t> unit;
  std::uint64_t length = 8;
  std::string data;
  bool text = false;
  std::int64_t delta = 0;
  std::uint32_t width = 0;
  bool per_cpu = false;
};

absl::StatusOr<Report> Read(Context& context, const DataOptions& options) {
  const absl::StatusOr<Target> target = FindTarget(context.client, options.target);
  if (!target.ok()) return target.status();
  absl::StatusOr<std::string> data =
      context.client.Read(target->pointer, Unit{options.unit.value_or(0)}, options.length);
  if (!data.ok()) return data.status();
  return Report{{Dump{.key = "data", .data = *std::move(data)}}};
}

absl::StatusOr<Report> Write(Context& context, const DataOptions& options) {
  const absl::StatusOr<Target> target = FindTarget(context.client, options.target);
  if (!target.ok()) return target.status();
  const std::string data = options.text ? options.data : absl::HexStringToBytes(options.data);
  const absl::Status status =
      context.client.Write(target->pointer, Unit{options.unit.value_or(0)}, data);
  if (!status.ok()) return status;
  return Report{
      {Fields{.key = "", .title = "", .fields = {{"written_bytes", Size{data.size()}, ""}}}}};
}

// What the unit has by now. Over TLS that may be nobody's to see who may add to it, and a daemon
// says 0 then.
Fields::Field ValueField(Context& context, const Target& target, const AddResult& result,
                         Width width) {
  Fields::Field shown{"value", Signed{result.value}, ""};
  if (result.value != 0 || !absl::StartsWith(context.address, "tls:")) return shown;
  const absl::Status status =
      context.client.Read(target.pointer, result.unit, width == Width::k64 ? 8 : 4).status();
  if (!absl::IsPermissionDenied(status)) return shown;
  return {"value", Absent{}, "not exported"};
}

absl::StatusOr<Report> Add(Context& context, const DataOptions& options) {
  const absl::StatusOr<Target> target = FindTarget(context.client, options.target);
  if (!target.ok()) return target.status();
  std::optional<Unit> unit;
  if (options.unit) unit = Unit{*options.unit};
  const Width width = WidthFor(*target, options.width);
  const absl::StatusOr<AddResult> result =
      context.client.Add(target->pointer, options.delta, unit, width);
  if (!result.ok()) return result.status();
  return Report{{Fields{.key = "",
                        .title = "",
                        .fields = {ValueField(context, *target, *result, width),
                                   {"unit", Count{percpu::Value(result->unit)}, ""}}}}};
}

Fields SumFields(Value sum) {
  return Fields{.key = "", .title = "", .fields = {{"sum", std::move(sum), ""}}};
}

// What one copy holds: `Of` says how its bytes are read.
template <typename Of>
Of FromBytes(const std::string& bytes) {
  Of out{};
  std::memcpy(&out, bytes.data(), std::min(bytes.size(), sizeof(out)));
  return out;
}

// A row per CPU: what its copy holds, as `read` reads its bytes.
template <typename Read>
absl::StatusOr<Table> PerCpu(Client& client, Pointer pointer, std::uint64_t bytes, Read read) {
  ASSIGN_OR_RETURN(const std::vector<UnitInfo> units, client.ListUnits());
  Table table{.key = "cpus",
              .title = "",
              .columns = {{"cpu", "CPU"}, {"unit", "UNIT"}, {"value", "VALUE"}},
              .rows = {}};
  for (const UnitInfo& unit : units) {
    if (!unit.cpu) continue;
    ASSIGN_OR_RETURN(const std::string data, client.Read(pointer, unit.unit, bytes));
    table.rows.push_back({Count{*unit.cpu}, Count{percpu::Value(unit.unit)}, read(data)});
  }
  return table;
}

absl::StatusOr<Report> SumTarget(Context& context, const Target& target,
                                 const DataOptions& options) {
  const Width width = WidthFor(target, options.width);
  ASSIGN_OR_RETURN(const std::int64_t sum, context.client.Sum(target.pointer, width));
  Report report{{SumFields(Signed{sum})}};
  if (!options.per_cpu) return report;
  const bool is_wide = width == Width::k64;
  ASSIGN_OR_RETURN(Table table, PerCpu(context.client, target.pointer, is_wide ? 8 : 4,
                                       [is_wide](const std::string& data) -> Value {
                                         return Signed{is_wide ? FromBytes<std::int64_t>(data)
                                                               : FromBytes<std::int32_t>(data)};
                                       }));
  report.sections.emplace_back(std::move(table));
  return report;
}

// The sum is less what it was at a reset; the copies are as they are.
absl::StatusOr<Report> SumFamily(Context& context, const FamilyInfo& family,
                                 const DataOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<SeriesInfo> series, FindSeries(context, family, {}));
  Report report{{SumFields(Total(family.shape, series))}};
  if (!options.per_cpu) return report;
  const CellKind cells = family.shape.cells;
  if (series.size() != 1 || (cells != CellKind::kInteger && cells != CellKind::kDouble)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--per-cpu: of a counter with one series, or of a pointer that percpuctl "
                     "family show ",
                     family.shape.name, " prints"));
  }
  ASSIGN_OR_RETURN(Table table, PerCpu(context.client, series.front().pointer, 8,
                                       [cells](const std::string& data) -> Value {
                                         if (cells == CellKind::kDouble) {
                                           return Number{FromBytes<double>(data)};
                                         }
                                         return Count{FromBytes<std::uint64_t>(data)};
                                       }));
  report.sections.emplace_back(std::move(table));
  return report;
}

absl::StatusOr<Report> Sum(Context& context, const DataOptions& options) {
  const absl::StatusOr<Target> target = FindTarget(context.client, options.target);
  if (target.ok()) return SumTarget(context, *target, options);
  if (!absl::IsNotFound(target.status())) return target.status();
  const absl::StatusOr<FamilyInfo> family = FindFamily(context, options.target);
  // What a variable's absence says comes first: it was so before there were families.
  if (!family.ok()) return target.status();
  return SumFamily(context, *family, options);
}

}  // namespace

Commands AddRead(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "read", "Show bytes of one unit of an area");
  const auto options = std::make_shared<DataOptions>();
  AddTargetArgument(*parser, options->target, "Any byte of an area, or a variable");
  AddUnitOption(*parser, options->unit, "N [0]");
  parser->add_option("--length", options->length, "How many bytes, inside the area")
      ->option_text("SIZE [8]")
      ->transform(AsSize());
  return {
      {.parser = parser, .run = [options](Context& context) { return Read(context, *options); }}};
}

Commands AddWrite(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "write", "Put bytes into one unit of an area");
  const auto options = std::make_shared<DataOptions>();
  AddTargetArgument(*parser, options->target, "Any byte of an area, or a variable");
  AddUnitOption(*parser, options->unit, "N [0]");
  // These stand before DATA, whose check depends on --text: options are taken in the
  // order in which they are declared.
  parser->add_flag("--text", options->text, "DATA is text, written as it is");
  // DATA was text once, unless --hex was given.
  parser->add_flag("--hex")->group("");
  parser->add_option("DATA", options->data, "Hexadecimal digits, or text with --text")
      ->option_text(" ")
      ->transform(CLI::Validator(
          [options](std::string& data) {
            return options->text ? std::string() : AsHexBytes()(data);
          },
          ""))
      ->required();
  return {
      {.parser = parser, .run = [options](Context& context) { return Write(context, *options); }}};
}

Commands AddAdd(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "add", "Add to an integer in one unit");
  const auto options = std::make_shared<DataOptions>();
  AddTargetArgument(*parser, options->target, "The integer, aligned to its width");
  parser->add_option("DELTA", options->delta, "What to add; it may be negative")
      ->option_text(" ")
      ->transform(AsSigned())
      ->required();
  AddUnitOption(*parser, options->unit, "N [the daemon's CPU]");
  AddWidthOption(*parser, options->width);
  return {
      {.parser = parser, .run = [options](Context& context) { return Add(context, *options); }}};
}

Commands AddSum(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "sum", "Sum an integer over the units of all CPUs");
  const auto options = std::make_shared<DataOptions>();
  AddTargetArgument(*parser, options->target, "The integer, aligned to its width, or a family");
  AddWidthOption(*parser, options->width);
  parser->add_flag("--per-cpu", options->per_cpu, "Also show what each CPU's copy holds");
  return {
      {.parser = parser, .run = [options](Context& context) { return Sum(context, *options); }}};
}

}  // namespace percpu::cli
