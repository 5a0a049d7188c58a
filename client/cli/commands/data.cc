// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// read, write, add and sum: percpu data, one unit or all.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "client/cli/commands/common.h"
#include "client/cli/parse.h"

namespace percpu::cli {
namespace {

// Of all four; each command declares the ones it has.
struct DataOptions {
  std::uint64_t pointer = 0;
  std::optional<std::uint32_t> unit;
  std::uint64_t length = 8;
  std::string data;
  bool hex = false;
  std::int64_t delta = 0;
  std::uint32_t width = 64;
};

void AddUnitOption(CLI::App& parser, DataOptions& options, const char* help, const char* text) {
  parser.add_option("--unit", options.unit, help)->option_text(text);
}

absl::StatusOr<Report> Read(Session& session, const DataOptions& options) {
  absl::StatusOr<std::string> data =
      session.client.Read(Pointer{options.pointer}, Unit{options.unit.value_or(0)}, options.length);
  if (!data.ok()) return data.status();
  return Report{{Dump{.key = "data", .data = *std::move(data)}}};
}

absl::StatusOr<Report> Write(Session& session, const DataOptions& options) {
  const std::string data = options.hex ? absl::HexStringToBytes(options.data) : options.data;
  const absl::Status status =
      session.client.Write(Pointer{options.pointer}, Unit{options.unit.value_or(0)}, data);
  if (!status.ok()) return status;
  return Report{
      {Fields{.key = "", .title = "", .fields = {{"written_bytes", Size{data.size()}, ""}}}}};
}

absl::StatusOr<Report> Add(Session& session, const DataOptions& options) {
  std::optional<Unit> unit;
  if (options.unit) unit = Unit{*options.unit};
  const absl::StatusOr<AddResult> result =
      session.client.Add(Pointer{options.pointer}, options.delta, unit, ToWidth(options.width));
  if (!result.ok()) return result.status();
  return Report{{Fields{.key = "",
                        .title = "",
                        .fields = {{"value", Signed{result->value}, ""},
                                   {"unit", Count{percpu::Value(result->unit)}, ""}}}}};
}

absl::StatusOr<Report> Sum(Session& session, const DataOptions& options) {
  const absl::StatusOr<std::int64_t> sum =
      session.client.Sum(Pointer{options.pointer}, ToWidth(options.width));
  if (!sum.ok()) return sum.status();
  return Report{{Fields{.key = "", .title = "", .fields = {{"sum", Signed{*sum}, ""}}}}};
}

}  // namespace

Command AddRead(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "read", "Show bytes of one unit of an area");
  const auto options = std::make_shared<DataOptions>();
  AddPointerArgument(*parser, options->pointer, "Any byte of an area or static variable");
  AddUnitOption(*parser, *options, "Whose copy", "N [0]");
  parser->add_option("--length", options->length, "How many bytes, inside the area")
      ->option_text("SIZE [8]")
      ->transform(AsSize());
  return {.parser = parser, .run = [options](Session& session) { return Read(session, *options); }};
}

Command AddWrite(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "write", "Put bytes into one unit of an area");
  const auto options = std::make_shared<DataOptions>();
  AddPointerArgument(*parser, options->pointer, "Any byte of an area or static variable");
  AddUnitOption(*parser, *options, "Whose copy", "N [0]");
  // Before DATA, whose check depends on it: options are taken in order of declaration.
  parser->add_flag("--hex", options->hex, "DATA is hexadecimal, two digits a byte");
  parser->add_option("DATA", options->data, "Text, or hexadecimal with --hex")
      ->option_text(" ")
      ->check(CLI::Validator(
          [options](const std::string& text) {
            return options->hex ? IsHexBytes()(text) : std::string();
          },
          ""))
      ->required();
  return {.parser = parser,
          .run = [options](Session& session) { return Write(session, *options); }};
}

Command AddAdd(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "add", "Add to an integer in one unit");
  const auto options = std::make_shared<DataOptions>();
  AddPointerArgument(*parser, options->pointer, "Of the integer, a multiple of its width");
  parser->add_option("DELTA", options->delta, "May be negative")->option_text(" ")->required();
  AddUnitOption(*parser, *options, "Whose copy", "N [of the CPU the daemon runs on]");
  AddWidthOption(*parser, options->width);
  return {.parser = parser, .run = [options](Session& session) { return Add(session, *options); }};
}

Command AddSum(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "sum", "Sum an integer over the units of all CPUs");
  const auto options = std::make_shared<DataOptions>();
  AddPointerArgument(*parser, options->pointer, "Of the integer, a multiple of its width");
  AddWidthOption(*parser, options->width);
  return {.parser = parser, .run = [options](Session& session) { return Sum(session, *options); }};
}

}  // namespace percpu::cli
