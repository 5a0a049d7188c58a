// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// Completion scripts, made from the parser itself: they cannot fall behind.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/commands/common.h"
#include "client/cli/parse.h"

namespace percpu::cli {
namespace {

// What may follow a command.
struct Flag {
  // "--alignment", or a verb such as "create".
  std::string name;
  std::string help;
};

struct Word {
  std::string name;
  std::string help;
  std::vector<Flag> flags;
};

// The long options of a command. --help, which all have, and older names are left out.
std::vector<Flag> Flags(const CLI::App& parser) {
  std::vector<Flag> flags;
  for (const CLI::Option* option : parser.get_options()) {
    if (parser.get_parent() != nullptr && option == parser.get_help_ptr()) continue;
    if (option->get_group().empty() || option->get_lnames().empty()) continue;
    flags.push_back({absl::StrCat("--", option->get_lnames().front()), option->get_description()});
  }
  return flags;
}

// Several verbs may have the same option.
void AddOnce(Flag flag, std::vector<Flag>& out) {
  const bool is_there = std::any_of(out.begin(), out.end(),
                                    [&flag](const Flag& each) { return each.name == flag.name; });
  if (!is_there) out.push_back(std::move(flag));
}

std::vector<Word> AllWords(const CLI::App& root) {
  std::vector<Word> words;
  for (const CLI::App* parser : root.get_subcommands({})) {
    Word word{parser->get_name(), parser->get_description(), Flags(*parser)};
    for (const CLI::App* verb : parser->get_subcommands({})) {
      word.flags.push_back({verb->get_name(), verb->get_description()});
      for (Flag& flag : Flags(*verb)) AddOnce(std::move(flag), word.flags);
    }
    words.push_back(std::move(word));
  }
  return words;
}

std::string Names(const std::vector<Flag>& flags) {
  return absl::StrJoin(flags, " ",
                       [](std::string* out, const Flag& flag) { absl::StrAppend(out, flag.name); });
}

std::string Names(const std::vector<Word>& words, absl::string_view separator) {
  return absl::StrJoin(words, separator,
                       [](std::string* out, const Word& word) { absl::StrAppend(out, word.name); });
}

std::string Quote(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::string Bash(const std::vector<Word>& commands, const std::vector<Flag>& globals) {
  std::string out = absl::StrCat(
      "_percpuctl() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word "
      "words=\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case $word in ",
      Names(commands, "|"),
      ") command=$word; break ;; esac\n"
      "  done\n"
      "  case $prev in -o|--output) COMPREPLY=($(compgen -W 'table json' -- \"$cur\")); return ;; "
      "esac\n"
      "  case $command in\n"
      "    '') words=",
      Quote(Names(commands, " ")), " ;;\n");
  for (const Word& command : commands) {
    if (command.flags.empty()) continue;
    absl::StrAppend(&out, "    ", command.name, ") words=", Quote(Names(command.flags)), " ;;\n");
  }
  absl::StrAppend(&out, "  esac\n  COMPREPLY=($(compgen -W \"$words \"", Quote(Names(globals)),
                  " -- \"$cur\"))\n}\ncomplete -o default -F _percpuctl percpuctl");
  return out;
}

// In zsh a colon stands between name and help.
std::string Described(absl::string_view name, absl::string_view help) {
  return Quote(absl::StrCat(name, ":", absl::StrReplaceAll(help, {{":", "\\:"}})));
}

std::string Zsh(const std::vector<Word>& commands, const std::vector<Flag>& globals) {
  std::string out = "#compdef percpuctl\n_percpuctl() {\n  local -a commands flags\n  commands=(\n";
  for (const Word& command : commands) {
    absl::StrAppend(&out, "    ", Described(command.name, command.help), "\n");
  }
  absl::StrAppend(&out, "  )\n  flags=(");
  for (const Flag& flag : globals) absl::StrAppend(&out, " ", Described(flag.name, flag.help));
  absl::StrAppend(&out, " )\n  case ${words[(r)(", Names(commands, "|"), ")]} in\n");
  for (const Word& command : commands) {
    if (command.flags.empty()) continue;
    absl::StrAppend(&out, "    ", command.name, ") flags+=(");
    for (const Flag& flag : command.flags) {
      absl::StrAppend(&out, " ", Described(flag.name, flag.help));
    }
    absl::StrAppend(&out, " ) ;;\n");
  }
  absl::StrAppend(
      &out,
      "    '') _describe command commands ;;\n  esac\n  _describe flag flags\n  _files\n}\n"
      "compdef _percpuctl percpuctl");
  return out;
}

std::string FishFlag(absl::string_view condition, const Flag& flag) {
  absl::string_view name = flag.name;
  const absl::string_view takes = absl::ConsumePrefix(&name, "--") ? " -l " : " -f -a ";
  return absl::StrCat("complete -c percpuctl", condition, takes, name, " -d ", Quote(flag.help),
                      "\n");
}

std::string Fish(const std::vector<Word>& commands, const std::vector<Flag>& globals) {
  std::string out;
  for (const Flag& flag : globals) absl::StrAppend(&out, FishFlag("", flag));
  for (const Word& command : commands) {
    absl::StrAppend(&out, "complete -c percpuctl -n __fish_use_subcommand -f -a ", command.name,
                    " -d ", Quote(command.help), "\n");
    const std::string condition =
        absl::StrCat(" -n '__fish_seen_subcommand_from ", command.name, "'");
    for (const Flag& flag : command.flags) absl::StrAppend(&out, FishFlag(condition, flag));
  }
  return out;
}

Report Script(const CLI::App& root, const std::string& shell) {
  const std::vector<Word> commands = AllWords(root);
  const std::vector<Flag> globals = Flags(root);
  const std::string script = shell == "bash"  ? Bash(commands, globals)
                             : shell == "zsh" ? Zsh(commands, globals)
                                              : Fish(commands, globals);
  List lines{.key = "script", .values = {}};
  for (const absl::string_view line : absl::StrSplit(script, '\n', absl::SkipEmpty())) {
    lines.values.emplace_back(std::string(line));
  }
  return Report{{std::move(lines)}};
}

}  // namespace

Commands AddCompletion(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "completion", "Print a completion script for a shell");
  parser->footer(
      "  $ source <(percpuctl completion bash)\n"
      "  $ percpuctl completion fish > ~/.config/fish/completions/percpuctl.fish");
  const auto shell = std::make_shared<std::string>();
  parser->add_option("SHELL", *shell, "bash, zsh or fish")
      ->option_text(" ")
      ->check(OneOf({"bash", "zsh", "fish"}))
      ->required();
  return {{.parser = parser, .run = [shell, &root](Context& /*context*/) -> absl::StatusOr<Report> {
             return Script(root, *shell);
           }}};
}

}  // namespace percpu::cli
