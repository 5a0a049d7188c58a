// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/help.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/text.h"

namespace percpu::cli {
namespace {

class Formatter final : public CLI::Formatter {
 public:
  Formatter() {
    label("Positionals", "Arguments");
    label("SUBCOMMAND", "COMMAND");
    label("Subcommands", "Commands");
  }

  std::string make_footer(const CLI::App* app) const override {
    const CLI::App* root = app;
    while (root->get_parent() != nullptr) root = root->get_parent();
    const std::string footer = CLI::Formatter::make_footer(app);
    if (root == app) return footer;
    // The library puts a blank line before a footer, and another before a group.
    const std::string shared = make_group("Options of every command", false, Shared(*root));
    return absl::StrCat(absl::StripPrefix(shared, "\n"), footer.empty() ? "" : "\n", footer);
  }

 private:
  static std::vector<const CLI::Option*> Shared(const CLI::App& root) {
    return root.get_options([&root](const CLI::Option* option) {
      return option != root.get_help_ptr() && option != root.get_version_ptr() &&
             option->nonpositional();
    });
  }
};

// What the library says, in words that fit this program's.
std::string Reword(const CLI::App& root, const CLI::ParseError& error) {
  const std::string what = Printable(error.what());
  const auto is = [&](CLI::ExitCodes code) {
    return error.get_exit_code() == static_cast<int>(code);
  };
  if (is(CLI::ExitCodes::ExtrasError)) {
    // "The following arguments were not expected: one two"
    const std::string word = what.substr(what.rfind(": ") + 2);
    return absl::StrCat("\"", word, "\" is ",
                        absl::StartsWith(word, "-") ? "not an option here" : "one word too many");
  }
  if (is(CLI::ExitCodes::RequiredError) && absl::StrContains(what, "subcommand")) {
    const std::vector<std::string> unknown = root.remaining(true);
    if (unknown.empty()) return "a command is required";
    return absl::StrCat("\"", Printable(unknown.front()), "\" is not a command");
  }
  if (is(CLI::ExitCodes::ArgumentMismatch)) {
    return absl::StrCat(what.substr(0, what.find(':')), " needs a value");
  }
  return what;
}

}  // namespace

void UseOwnHelp(CLI::App& root) {
  root.formatter(std::make_shared<Formatter>());
  root.set_help_flag("-h,--help", "Print this help and exit");
}

std::string Explain(const CLI::App& root, const CLI::ParseError& error) {
  std::string command;
  for (std::vector<CLI::App*> level = root.get_subcommands(); !level.empty();
       level = level.front()->get_subcommands()) {
    absl::StrAppend(&command, " ", level.front()->get_name());
  }
  return absl::StrCat(Reword(root, error), " (see percpuctl", command, " --help)");
}

}  // namespace percpu::cli
