// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// variables, variable create and variable rm: areas with a name, which belong to
// nobody and so outlive the sessions that use them.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/commands/common.h"
#include "client/cli/parse.h"

namespace percpu::cli {
namespace {

// Of what the parser let through.
VariableType ToType(const std::string& name) {
  if (name == "counter") return VariableType::kCounter;
  if (name == "gauge") return VariableType::kGauge;
  return name == "histogram" ? VariableType::kHistogram : VariableType::kBytes;
}

Fields VariableFields(const Variable& variable) {
  return {.key = "variable",
          .title = "",
          .fields = {
              {"name", variable.name, ""},
              {"type", VariableTypeName(variable.type), ""},
              {"pointer", Offset{percpu::Value(variable.pointer)}, ""},
              {"size", Size{variable.size_bytes}, ""},
              {"uid", OrAbsent(variable.uid), ""},
          }};
}

absl::StatusOr<Report> Variables(Session& session) {
  const absl::StatusOr<std::vector<Variable>> variables = session.client.ListVariables();
  if (!variables.ok()) return variables.status();
  Table table{.key = "variables",
              .title = "",
              .columns = {{"name", "NAME"},
                          {"type", "TYPE"},
                          {"pointer", "POINTER"},
                          {"size", "SIZE"},
                          {"uid", "UID"}},
              .rows = {}};
  for (const Variable& variable : *variables) {
    std::vector<Value>& row = table.rows.emplace_back();
    for (Fields::Field& field : VariableFields(variable).fields) {
      row.push_back(std::move(field.value));
    }
  }
  return Report{{std::move(table)}};
}

// Of create and rm together: one run serves both.
struct VariableOptions {
  std::string name;
  std::string type = "bytes";
  std::uint64_t size = 0;
  std::uint32_t alignment = 8;
};

absl::StatusOr<Report> Create(Session& session, const VariableOptions& options) {
  const absl::StatusOr<OpenedVariable> opened =
      session.client.OpenVariable({.name = options.name,
                                   .type = ToType(options.type),
                                   .size_bytes = options.size,
                                   .alignment = options.alignment,
                                   .create = true});
  if (!opened.ok()) return opened.status();
  Fields made{.key = "",
              .title = "",
              .fields = {{"created", opened->created,
                          opened->created ? "" : "there was one like it already"}}};
  return Report{{std::move(made), VariableFields(opened->variable)}};
}

absl::StatusOr<Report> Remove(Session& session, const VariableOptions& options) {
  if (absl::Status status = session.client.RemoveVariable(options.name); !status.ok()) {
    return status;
  }
  return Report{{Fields{.key = "", .title = "", .fields = {{"removed", options.name, ""}}}}};
}

CLI::App* AddCreate(CLI::App& parser, VariableOptions& options) {
  CLI::App* create = AddVerb(parser, "create", "Make a variable, unless there is one like it");
  create->footer(
      "Zeroed in every unit. If the name is taken, type and size have to be the same.\n"
      "  $ percpuctl variable create http/hits --type counter --size 8\n"
      "  $ percpuctl variables\n"
      "  NAME       TYPE     POINTER  SIZE  UID\n"
      "  http/hits  counter   0x3000    8B    0");
  create->add_option("NAME", options.name, "Letters, digits and ._-/: up to 128")
      ->option_text(" ")
      ->required();
  create->add_option("--type", options.type, "What it is for")
      ->option_text("counter|gauge|histogram|bytes [bytes]")
      ->check(OneOf({"counter", "gauge", "histogram", "bytes"}));
  create->add_option("--size", options.size, "Of it, in one unit")
      ->option_text("SIZE")
      ->transform(AsSize())
      ->required();
  create->add_option("--align", options.alignment, "Alignment, a power of two up to a page")
      ->option_text("SIZE [8]")
      ->transform(AsSize());
  return create;
}

}  // namespace

Command AddVariables(CLI::App& root) {
  return AddPlain(root, "variables", "Areas with a name, and who made each of them",
                  "Those of the daemon's configuration are shown by statics.", Variables);
}

Command AddVariable(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "variable", "Make or remove a variable");
  const auto options = std::make_shared<VariableOptions>();
  const CLI::App* create = AddCreate(*parser, *options);
  CLI::App* remove = AddVerb(*parser, "rm", "Free a variable and its name");
  remove->footer("For the user who made it, and operators.");
  remove->add_option("NAME", options->name, "As variables shows it")->option_text(" ")->required();
  return {.parser = parser, .run = [options, create](Session& session) {
            return create->parsed() ? Create(session, *options) : Remove(session, *options);
          }};
}

}  // namespace percpu::cli
