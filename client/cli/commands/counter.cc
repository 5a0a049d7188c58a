// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// inc, get and set: counters and gauges by name.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/target.h"
#include "client/cli/parse.h"

namespace percpu::cli {
namespace {

struct CounterOptions {
  std::string name;
  // Decimal; the parser has checked it.
  std::string number = "1";
};

absl::Status NotAnInteger(const Target& target) {
  return absl::FailedPreconditionError(
      absl::StrCat("name: ", target.name, " is of type ", VariableTypeName(target.type),
                   ", and only counters and gauges have a value (percpuctl read ", target.name,
                   " shows its bytes)"));
}

absl::StatusOr<Target> FindInteger(Client& client, const std::string& name) {
  absl::StatusOr<Target> target = FindVariable(client, name);
  if (target.ok() && (!target->IsInteger() || target->size < sizeof(std::uint64_t))) {
    return NotAnInteger(*target);
  }
  return target;
}

// A counter, if no variable has the name.
absl::StatusOr<Target> FindOrMakeInteger(Client& client, const std::string& name) {
  absl::StatusOr<Target> target = FindInteger(client, name);
  if (!absl::IsNotFound(target.status())) return target;
  const absl::StatusOr<OpenedVariable> opened =
      client.OpenVariable({.name = name,
                           .type = VariableType::kCounter,
                           .size_bytes = sizeof(std::uint64_t),
                           .create = true});
  if (!opened.ok()) return opened.status();
  return Target{.pointer = opened->variable.pointer,
                .name = name,
                .type = opened->variable.type,
                .size = opened->variable.size_bytes};
}

absl::StatusOr<Report> Show(Client& client, const Target& target) {
  absl::StatusOr<Value> value = ReadValue(client, target);
  if (!value.ok()) return value.status();
  return Report{
      {Scalar{.key = "value",
              .value = *std::move(value),
              .about = {{"name", target.name, ""}, {"type", VariableTypeName(target.type), ""}}}}};
}

absl::StatusOr<Report> Get(Context& context, const CounterOptions& options) {
  const absl::StatusOr<Target> target = FindInteger(context.client, options.name);
  if (!target.ok()) return target.status();
  return Show(context.client, *target);
}

absl::StatusOr<Report> Inc(Context& context, const CounterOptions& options) {
  const absl::StatusOr<Integer64> delta = ParseInteger(options.number);
  if (!delta.ok()) return delta.status();
  const absl::StatusOr<Target> target = FindOrMakeInteger(context.client, options.name);
  if (!target.ok()) return target.status();
  if (delta->negative && target->type == VariableType::kCounter) {
    return absl::InvalidArgumentError(absl::StrCat("DELTA: ", options.number, ", but ",
                                                   target->name,
                                                   " is a counter, which only rises (percpuctl "
                                                   "set sets it back, a gauge may fall)"));
  }
  const absl::StatusOr<AddResult> added =
      context.client.Add(target->pointer, static_cast<std::int64_t>(delta->bits));
  if (!added.ok()) return added.status();
  return Show(context.client, *target);
}

absl::StatusOr<Report> Set(Context& context, const CounterOptions& options) {
  const absl::StatusOr<Integer64> wanted = ParseInteger(options.number);
  if (!wanted.ok()) return wanted.status();
  const absl::StatusOr<Target> target = FindOrMakeInteger(context.client, options.name);
  if (!target.ok()) return target.status();
  const bool is_counter = target->type == VariableType::kCounter;
  const bool over_signed = !wanted->negative && wanted->bits >> 63 != 0;
  if (is_counter ? wanted->negative : over_signed) {
    return absl::InvalidArgumentError(absl::StrCat(
        "VALUE: ", options.number, ", but ", target->name, " is a ", VariableTypeName(target->type),
        is_counter ? ", which is never below 0" : ", which ends at 2^63-1"));
  }
  const absl::StatusOr<std::int64_t> sum = context.client.Sum(target->pointer);
  if (!sum.ok()) return sum.status();
  const std::uint64_t change = wanted->bits - static_cast<std::uint64_t>(*sum);
  const absl::StatusOr<AddResult> added =
      context.client.Add(target->pointer, static_cast<std::int64_t>(change));
  if (!added.ok()) return added.status();
  return Show(context.client, *target);
}

}  // namespace

Commands AddInc(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "inc", "Add to a counter by name, and print its value");
  parser->footer(
      "A counter that is not there is made; it belongs to nobody and stays. A gauge may\n"
      "also be added to, and DELTA may be negative for it.\n"
      "  $ percpuctl inc hits\n"
      "  1");
  const auto options = std::make_shared<CounterOptions>();
  AddNameArgument(*parser, options->name);
  parser->add_option("DELTA", options->number, "What to add")
      ->option_text("[1]")
      ->check(IsInteger());
  return {
      {.parser = parser, .run = [options](Context& context) { return Inc(context, *options); }}};
}

Commands AddGet(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "get", "Print the value of a counter or gauge by name");
  parser->footer("The value is the sum over the units of all CPUs.");
  const auto options = std::make_shared<CounterOptions>();
  AddNameArgument(*parser, options->name);
  return {
      {.parser = parser, .run = [options](Context& context) { return Get(context, *options); }}};
}

Commands AddSet(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "set", "Set a counter or gauge, and print its value");
  parser->footer(
      "A counter that is not there is made. The sum is read and the difference is\n"
      "added, so what others add at the same moment is kept.");
  const auto options = std::make_shared<CounterOptions>();
  AddNameArgument(*parser, options->name);
  parser->add_option("VALUE", options->number, "What the sum becomes")
      ->option_text(" ")
      ->check(IsInteger())
      ->required();
  return {
      {.parser = parser, .run = [options](Context& context) { return Set(context, *options); }}};
}

}  // namespace percpu::cli
