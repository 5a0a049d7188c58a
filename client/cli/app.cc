// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/app.h"

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/command.h"
#include "client/cli/parse.h"
#include "client/cli/text.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpu::cli {
namespace {

constexpr int kExitRefused = 1;
constexpr int kExitUsage = 2;

// In the order of the help text: look, then work, then the rest.
constexpr std::array kCommands = {
    AddInfo,  AddGroups,   AddUnits,    AddStatics, AddChunks,    AddChunk,   AddSlots,
    AddBuddy, AddStats,    AddSessions, AddLeases,  AddVariables, AddResolve, AddEstimate,
    AddTop,   AddWatch,    AddAlloc,    AddFree,    AddRead,      AddWrite,   AddAdd,
    AddSum,   AddVariable, AddSession,  AddCheck,   AddReplay,    AddPing,    AddCompletion,
};

struct Globals {
  std::string output = "table";
  std::string address = percpud::abi::v1::kDefaultAddress;
  std::int64_t timeout_ns = absl::ToInt64Nanoseconds(absl::Seconds(5));
};

void AddGlobals(CLI::App& root, Globals& globals) {
  root.add_option("-o,--output", globals.output, "How to print")
      ->option_text("table|json")
      ->check(OneOf({"table", "json"}));
  root.add_option("--address", globals.address, "Of the daemon: unix:PATH or HOST:PORT")
      ->option_text(absl::StrCat("ADDRESS [", globals.address, "]"))
      ->envname("PERCPUD_ADDRESS");
  root.add_option("--timeout", globals.timeout_ns, "For each call, except that watch goes on")
      ->option_text("TIME [5s]")
      ->transform(AsNanoseconds());
  root.set_version_flag("--version", "percpuctl " PERCPUD_VERSION);
  root.require_subcommand(1);
  root.footer(
      "Pointers are written 0x1a40 or 6720, sizes 4096, 64KiB or 1M, times 500ms or 5s.\n"
      "Exit codes: 0 done; 1 refused by the daemon, or no daemon; 2 wrong usage.");
}

// What the status means to whoever typed the command.
std::string Explain(const absl::Status& status, const Globals& globals) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return absl::StrCat("cannot reach percpud at ", globals.address,
                          ": is the daemon running? (--address or PERCPUD_ADDRESS names another)");
    case absl::StatusCode::kDeadlineExceeded:
      return absl::StrCat("no answer from percpud at ", globals.address, " in ",
                          absl::FormatDuration(absl::Nanoseconds(globals.timeout_ns)),
                          " (--timeout allows more)");
    default:
      return Printable(status.message());
  }
}

int Fail(const Environment& environment, int exit_code, absl::string_view message) {
  environment.err << "percpuctl: " << message << '\n';
  return exit_code;
}

// Help and version end parsing like an error, but are none.
int EndParse(const CLI::App& root, const CLI::ParseError& error, const Environment& environment) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    return root.exit(error, environment.out, environment.err);
  }
  const std::vector<CLI::App*> parsed = root.get_subcommands();
  std::string what = Printable(error.what());
  if (parsed.empty() && !root.remaining().empty()) {
    what = absl::StrCat("\"", Printable(root.remaining().front()), "\" is not a command");
  }
  std::string command;
  for (std::vector<CLI::App*> level = parsed; !level.empty();
       level = level.front()->get_subcommands()) {
    absl::StrAppend(&command, " ", level.front()->get_name());
  }
  return Fail(environment, kExitUsage, absl::StrCat(what, " (see percpuctl", command, " --help)"));
}

int Run(const Command& command, const Globals& globals, const Environment& environment) {
  // No retries: a person, or a script's own loop, decides better.
  const CallOptions options{.deadline = absl::Nanoseconds(globals.timeout_ns),
                            .retry = {.max_retries = 0}};
  absl::StatusOr<Client> client = environment.connect(globals.address, options);
  if (!client.ok()) return Fail(environment, kExitUsage, client.status().message());
  const std::unique_ptr<Renderer> renderer =
      globals.output == "json" ? MakeJsonRenderer(environment.out)
                               : MakeTableRenderer(environment.out, environment.style);
  Session session{.client = *std::move(client),
                  .address = globals.address,
                  .renderer = *renderer,
                  .progress = environment.progress ? &environment.err : nullptr,
                  .clock = environment.clock};
  const absl::StatusOr<Report> report = command.run(session);
  if (!report.ok()) {
    return Fail(environment, kExitRefused, Explain(report.status(), globals));
  }
  if (!report->sections.empty()) renderer->Render(*report);
  environment.out.flush();
  if (!environment.out) return Fail(environment, kExitRefused, "cannot write the output");
  return 0;
}

}  // namespace

int RunApp(int argc, const char* const* argv, const Environment& environment) {
  CLI::App root{"Looks at a running percpud and works on its memory", "percpuctl"};
  Globals globals;
  AddGlobals(root, globals);
  std::vector<Command> commands;
  for (const auto add : kCommands) {
    commands.push_back(add(root));
    commands.back().parser->fallthrough();
  }
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return EndParse(root, error, environment);
  }
  for (const Command& command : commands) {
    if (command.parser->parsed()) return Run(command, globals, environment);
  }
  return kExitUsage;
}

}  // namespace percpu::cli
