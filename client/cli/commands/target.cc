// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/target.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cli/parse.h"

namespace percpu::cli {
namespace {

bool LooksLikeNumber(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  return absl::StartsWithIgnoreCase(text, "0x") ||
         std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

bool LooksLikeName(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("._-/:", absl::string_view(&c, 1));
  });
}

CLI::Validator IsTarget() {
  return {[](const std::string& text) -> std::string {
            if (LooksLikeName(text) && (!LooksLikeNumber(text) || ParsePointer(text).ok())) {
              return "";
            }
            return absl::StrCat("\"", text, "\" is neither a pointer such as 0x1a40 nor a name");
          },
          ""};
}

absl::StatusOr<Target> FindStatic(Client& client, const std::string& name) {
  const absl::StatusOr<std::vector<StaticVariable>> statics = client.ListStaticVariables();
  if (!statics.ok()) return statics.status();
  for (const StaticVariable& variable : *statics) {
    if (variable.name != name) continue;
    return Target{.pointer = variable.pointer,
                  .name = name,
                  .type = variable.type,
                  .size = variable.size_bytes};
  }
  return absl::NotFoundError(
      absl::StrCat("there is no variable called \"", name, "\" (percpuctl variable list)"));
}

Target ToTarget(const Variable& variable) {
  return {.pointer = variable.pointer,
          .name = variable.name,
          .type = variable.type,
          .size = variable.size_bytes};
}

// For viewers, who may list variables and not open them.
absl::StatusOr<Target> FindListed(Client& client, const std::string& name) {
  const absl::StatusOr<std::vector<Variable>> variables = client.ListVariables();
  if (!variables.ok()) return variables.status();
  for (const Variable& variable : *variables) {
    if (variable.name == name) return ToTarget(variable);
  }
  return FindStatic(client, name);
}

}  // namespace

CLI::Validator IsName() {
  return {[](const std::string& text) -> std::string {
            if (LooksLikeName(text)) return "";
            return absl::StrCat("\"", text, "\" is not a name: use letters, digits and ._-/:");
          },
          ""};
}

void AddTargetArgument(CLI::App& parser, std::string& text, const char* help) {
  parser.add_option("PTR|NAME", text, help)->option_text(" ")->check(IsTarget())->required();
}

absl::StatusOr<Target> FindTarget(Client& client, const std::string& text) {
  if (!LooksLikeNumber(text)) return FindVariable(client, text);
  const absl::StatusOr<std::uint64_t> pointer = ParsePointer(text);
  if (!pointer.ok()) return pointer.status();
  return Target{.pointer = Pointer{*pointer}};
}

void AddNameArgument(CLI::App& parser, std::string& name) {
  parser.add_option("NAME", name, "Letters, digits and ._-/: up to 128")
      ->option_text(" ")
      ->check(IsName())
      ->required();
}

absl::StatusOr<Target> FindVariable(Client& client, const std::string& name) {
  const absl::StatusOr<OpenedVariable> opened = client.OpenVariable({.name = name});
  if (opened.ok()) return ToTarget(opened->variable);
  if (absl::IsNotFound(opened.status())) return FindStatic(client, name);
  if (absl::IsPermissionDenied(opened.status())) return FindListed(client, name);
  return opened.status();
}

absl::StatusOr<Value> ReadValue(Client& client, const Target& target) {
  if (!target.IsInteger() || target.size < sizeof(std::uint64_t)) return Value(Absent{});
  const absl::StatusOr<std::int64_t> sum = client.Sum(target.pointer);
  if (!sum.ok()) return sum.status();
  if (target.type == VariableType::kGauge) return Value(Signed{*sum});
  return Value(Count{static_cast<std::uint64_t>(*sum)});
}

Width WidthFor(const Target& target, std::uint32_t bits) {
  if (bits == 0) return target.size == sizeof(std::uint32_t) ? Width::k32 : Width::k64;
  return bits == 32 ? Width::k32 : Width::k64;
}

}  // namespace percpu::cli
