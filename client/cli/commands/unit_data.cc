// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// read, write, add and sum: the data of one unit, or of all.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/target.h"
#include "client/cli/parse.h"

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

absl::StatusOr<Report> Add(Context& context, const DataOptions& options) {
  const absl::StatusOr<Target> target = FindTarget(context.client, options.target);
  if (!target.ok()) return target.status();
  std::optional<Unit> unit;
  if (options.unit) unit = Unit{*options.unit};
  const absl::StatusOr<AddResult> result =
      context.client.Add(target->pointer, options.delta, unit, WidthFor(*target, options.width));
  if (!result.ok()) return result.status();
  return Report{{Fields{.key = "",
                        .title = "",
                        .fields = {{"value", Signed{result->value}, ""},
                                   {"unit", Count{percpu::Value(result->unit)}, ""}}}}};
}

absl::StatusOr<Report> Sum(Context& context, const DataOptions& options) {
  const absl::StatusOr<Target> target = FindTarget(context.client, options.target);
  if (!target.ok()) return target.status();
  const absl::StatusOr<std::int64_t> sum =
      context.client.Sum(target->pointer, WidthFor(*target, options.width));
  if (!sum.ok()) return sum.status();
  return Report{{Fields{.key = "", .title = "", .fields = {{"sum", Signed{*sum}, ""}}}}};
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
  AddTargetArgument(*parser, options->target, "The integer, aligned to its width");
  AddWidthOption(*parser, options->width);
  return {
      {.parser = parser, .run = [options](Context& context) { return Sum(context, *options); }}};
}

}  // namespace percpu::cli
