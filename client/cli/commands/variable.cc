// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// variable list, create and rm: areas with a name, which belong to nobody and so
// outlive the sessions that use them.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/target.h"
#include "client/cli/parse.h"

namespace percpu::cli {
namespace {

// The parser lets no other name through.
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

// The values of some of the variables, one call each, several at once: over a
// socket, waiting takes most of a call.
class Values {
 public:
  Values(Client& client, const std::vector<Variable>& variables)
      : client_(client), variables_(variables), values_(variables.size()) {}

  // A value per variable; Absent for one that has none, or was removed meanwhile.
  absl::StatusOr<std::vector<Value>> ReadAll() {
    std::vector<std::thread> readers;
    for (std::size_t i = 0; i < std::min(kReaders, variables_.size()); ++i) {
      readers.emplace_back([this] { ReadSome(); });
    }
    for (std::thread& reader : readers) reader.join();
    const absl::MutexLock lock(&mutex_);
    if (!status_.ok()) return status_;
    return std::move(values_);
  }

 private:
  static constexpr std::size_t kReaders = 8;

  void ReadSome() {
    for (std::size_t at = next_++; at < variables_.size(); at = next_++) {
      const Variable& variable = variables_[at];
      absl::StatusOr<Value> value = ReadValue(client_, {.pointer = variable.pointer,
                                                        .name = variable.name,
                                                        .type = variable.type,
                                                        .size = variable.size_bytes});
      if (value.ok()) {
        values_[at] = *std::move(value);
      } else if (!absl::IsNotFound(value.status())) {
        const absl::MutexLock lock(&mutex_);
        status_ = value.status();
        return;
      }
    }
  }

  Client& client_;
  const std::vector<Variable>& variables_;
  // Each is written by the one reader that took its index.
  std::vector<Value> values_;
  std::atomic<std::size_t> next_ = 0;
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<Report> List(Context& context, bool names_only) {
  const absl::StatusOr<std::vector<Variable>> variables = context.client.ListVariables();
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
  if (names_only) return Report{{std::move(table)}};
  absl::StatusOr<std::vector<Value>> values = Values(context.client, *variables).ReadAll();
  if (!values.ok()) return values.status();
  table.columns.push_back({"value", "VALUE"});
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    table.rows[i].push_back(std::move((*values)[i]));
  }
  return Report{{std::move(table)}};
}

struct CreateOptions {
  std::string name;
  std::string type = "bytes";
  // 0 only for a type that has a size of its own.
  std::uint64_t size = 0;
  std::uint32_t alignment = 8;
};

absl::StatusOr<Report> Create(Context& context, const CreateOptions& options) {
  const VariableType type = ToType(options.type);
  const absl::StatusOr<OpenedVariable> opened = context.client.OpenVariable(
      {.name = options.name,
       .type = type,
       .size_bytes = options.size == 0 ? sizeof(std::uint64_t) : options.size,
       .alignment = options.alignment,
       .create = true});
  if (!opened.ok()) return opened.status();
  Fields made{.key = "",
              .title = "",
              .fields = {{"created", opened->created,
                          opened->created ? "" : "there was one like it already"}}};
  return Report{{std::move(made), VariableFields(opened->variable)}};
}

struct RemoveOptions {
  std::string name;
  bool force = false;
};

absl::StatusOr<Report> Remove(Context& context, const RemoveOptions& options) {
  const absl::Status status = context.client.RemoveVariable(options.name, options.force);
  if (!status.ok()) return status;
  return Report{{Fields{.key = "", .title = "", .fields = {{"removed", options.name, ""}}}}};
}

Command AddList(CLI::App& noun) {
  CLI::App* list = AddCommand(noun, "list", "Areas with a name, who made each, and its value");
  list->footer(
      "VALUE is the sum over all CPUs, of a counter or a gauge. The variables of the\n"
      "daemon's configuration are shown by static list.");
  const auto names_only = std::make_shared<bool>(false);
  list->add_flag("--names-only", *names_only, "Leave out the values, which take a call each");
  return {.parser = list,
          .run = [names_only](Context& context) { return List(context, *names_only); }};
}

Command AddCreate(CLI::App& noun) {
  CLI::App* create = AddCommand(noun, "create", "Make a variable, unless there is one like it");
  create->footer(
      "Zeroed in every unit. If the name is taken, type and size have to be the same.\n"
      "  $ percpuctl variable create http/hits --type counter\n"
      "  $ percpuctl variable list\n"
      "  NAME       TYPE     POINTER  SIZE  UID  VALUE\n"
      "  http/hits  counter   0x3000    8B    0      0");
  const auto options = std::make_shared<CreateOptions>();
  AddNameArgument(*create, options->name);
  create->add_option("--type", options->type, "What it is for")
      ->option_text("counter|gauge|histogram|bytes [bytes]")
      ->check(OneOf({"counter", "gauge", "histogram", "bytes"}));
  create->add_option("--size", options->size, "Size in one unit; a counter or gauge has 8")
      ->option_text("SIZE")
      ->transform(AsSize());
  AddAlignmentOption(*create, options->alignment);
  // What the parser cannot know by itself.
  create->final_callback([options] {
    const bool has_size = options->type == "counter" || options->type == "gauge";
    if (options->size == 0 && !has_size) throw CLI::RequiredError("--size");
  });
  return {.parser = create,
          .run = [options](Context& context) { return Create(context, *options); }};
}

Command AddRemove(CLI::App& noun) {
  CLI::App* remove = AddCommand(noun, "rm", "Free a variable and its name");
  remove->footer(
      "For the user who made it, and operators. A variable that other sessions have\n"
      "open stays, unless --force is given: they may then go on writing to its memory,\n"
      "which is granted again when all of them have ended.");
  const auto options = std::make_shared<RemoveOptions>();
  AddNameArgument(*remove, options->name);
  remove->add_flag("--force", options->force, "Remove it though other sessions have it open");
  return {.parser = remove,
          .run = [options](Context& context) { return Remove(context, *options); }};
}

}  // namespace

Commands AddVariable(CLI::App& root) {
  CLI::App& noun = AddNoun(root, "variable", "Areas with a name: list, create, rm");
  return {AddList(noun), AddCreate(noun), AddRemove(noun)};
}

}  // namespace percpu::cli
