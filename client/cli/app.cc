// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/app.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/aliases.h"
#include "client/cli/command.h"
#include "client/cli/help.h"
#include "client/cli/interrupt.h"
#include "client/cli/parse.h"
#include "client/cli/reach.h"
#include "client/cli/text.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpu::cli {
namespace {

constexpr int kExitRefused = 1;
constexpr int kExitUsage = 2;
constexpr int kExitProblem = 3;
constexpr int kExitUnreachable = 4;
// A shell's own for what ends by a signal, whose number is added.
constexpr int kExitSignal = 128;

// In the order of the help text: look, then count, then the memory itself, then
// the rest.
constexpr std::array kCommands = {
    AddInfo,    AddTop,   AddWatch, AddSession,  AddFamily, AddMetrics, AddVariable, AddLease,
    AddChunk,   AddGroup, AddUnit,  AddSlot,     AddStatic, AddBuddy,   AddStats,    AddCheck,
    AddInc,     AddGet,   AddSet,   AddObserve,  AddAdd,    AddSum,     AddRead,     AddWrite,
    AddResolve, AddAlloc, AddFree,  AddEstimate, AddReplay, AddFleet,   AddPing,     AddCompletion,
};

struct Globals {
  std::string output = "table";
  std::string address = percpud::abi::v1::kDefaultAddress;
  std::string name_space;
  TlsOptions tls;
  std::int64_t timeout_ns = absl::ToInt64Nanoseconds(absl::Seconds(5));
};

void AddTlsFlags(CLI::App& root, TlsOptions& tls) {
  root.add_option("--ca-file", tls.ca_file, "Who may vouch for a tls: address, PEM")
      ->option_text("FILE")
      ->envname("PERCPUD_CA_FILE");
  root.add_option("--cert-file", tls.cert_file, "The own certificate for it, PEM")
      ->option_text("FILE")
      ->envname("PERCPUD_CERT_FILE");
  root.add_option("--key-file", tls.key_file, "Its key, PEM")
      ->option_text("FILE")
      ->envname("PERCPUD_KEY_FILE");
  root.add_option("--server-name", tls.server_name, "The name that its certificate has to have")
      ->option_text("NAME [the host]")
      ->envname("PERCPUD_SERVER_NAME");
}

void AddGlobals(CLI::App& root, Globals& globals) {
  root.add_option("-o,--output", globals.output, "How to print")
      ->option_text("table|json [table]")
      ->check(OneOf({"table", "json"}));
  root.add_option("--address", globals.address, "The daemon: unix:PATH, tls:HOST:PORT or HOST:PORT")
      ->option_text(absl::StrCat("ADDRESS [", globals.address, "]"))
      ->envname("PERCPUD_ADDRESS");
  AddTlsFlags(root, globals.tls);
  root.add_option("--namespace", globals.name_space, "Whose families are meant")
      ->option_text("NAME [default]")
      ->envname("PERCPUD_NAMESPACE");
  root.add_option("--timeout", globals.timeout_ns, "The most a call may take; watch has no limit")
      ->option_text("TIME [5s]")
      ->transform(AsNanoseconds());
  root.set_version_flag("--version", "percpuctl " PERCPUD_VERSION, "Print the version and exit");
  root.require_subcommand(1);
  root.footer(
      "Pointers are written 0x1a40 or 6720, sizes 4096, 64KiB or 1M, times 500ms or 5s.\n"
      "Exit codes: 0 done; 1 refused by the daemon; 2 wrong usage; 3 a problem found by\n"
      "check; 4 the daemon cannot be reached.");
}

int Fail(const Environment& environment, int exit_code, absl::string_view message) {
  environment.err << "percpuctl: " << message << '\n';
  return exit_code;
}

// Over TLS what went wrong is known to gRPC alone.
std::string WhyUnavailable(const absl::Status& status, const std::string& address) {
  if (SaysWhy(status)) return Printable(status.message());
  if (!absl::StartsWith(address, "tls:")) return WhyUnreachable(address);
  return absl::StrCat("cannot reach percpud at ", Printable(address), ": ",
                      Printable(status.message()));
}

// A command that ended without a result, in one line.
int Fail(const Environment& environment, const absl::Status& status, const Globals& globals) {
  if (Interrupt::signal() != 0) {
    return Fail(environment, kExitSignal + Interrupt::signal(), Printable(status.message()));
  }
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return Fail(environment, kExitUnreachable, WhyUnavailable(status, globals.address));
    case absl::StatusCode::kDeadlineExceeded:
      return Fail(environment, kExitUnreachable,
                  absl::StrCat("no answer from percpud at ", Printable(globals.address), " in ",
                               absl::FormatDuration(absl::Nanoseconds(globals.timeout_ns)),
                               " (--timeout allows more)"));
    default:
      return Fail(environment, kExitRefused, Printable(status.message()));
  }
}

// Parsing also ends by an exception when help or the version was asked for.
int EndParse(const CLI::App& root, const CLI::ParseError& error, const Environment& environment) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    return root.exit(error, environment.out, environment.err);
  }
  return Fail(environment, kExitUsage, Explain(root, error));
}

int Run(const Command& command, const Globals& globals, const Environment& environment) {
  Interrupt::Forget();
  // No retries: a person, or a script's own loop, decides better.
  const CallOptions options{.deadline = absl::Nanoseconds(globals.timeout_ns),
                            .retry = {.max_retries = 0},
                            .tls = globals.tls};
  if (absl::Status status = CheckAddress(globals.address); !status.ok()) {
    return Fail(environment, kExitUsage, status.message());
  }
  absl::StatusOr<Client> client = environment.connect(globals.address, options);
  if (!client.ok()) return Fail(environment, kExitUsage, Printable(client.status().message()));
  const std::unique_ptr<Renderer> renderer =
      globals.output == "json" ? MakeJsonRenderer(environment.out)
                               : MakeTableRenderer(environment.out, environment.style);
  Context context{
      .client = *std::move(client),
      .metrics = environment.connect_metrics(globals.address, options),
      .connect_fleet =
          [&](const std::string& agent) { return environment.connect_fleet(agent, options); },
      .name_space = globals.name_space,
      .timeout = options.deadline,
      .address = globals.address,
      .renderer = *renderer,
      .style = environment.style,
      .err = environment.err,
      .progress = environment.progress ? &environment.err : nullptr,
      .clock = environment.clock};
  const absl::StatusOr<Report> report = command.run(context);
  if (!report.ok()) return Fail(environment, report.status(), globals);
  if (!report->sections.empty()) renderer->Render(*report);
  environment.out.flush();
  if (!environment.out) return Fail(environment, kExitRefused, "cannot write the output");
  if (!report->problem.empty()) {
    return Fail(environment, kExitProblem, Printable(report->problem));
  }
  return Interrupt::signal() == 0 ? 0 : kExitSignal + Interrupt::signal();
}

// Parses what follows the program's name.
void Parse(CLI::App& root, int argc, const char* const* argv) {
  std::vector<std::string> words = ResolveAliases({argv + std::min(argc, 1), argv + argc});
  // The parser takes them from the end.
  std::reverse(words.begin(), words.end());
  root.parse(std::move(words));
}

}  // namespace

int RunApp(int argc, const char* const* argv, const Environment& environment) {
  CLI::App root{"Looks at a running percpud and works on its memory", "percpuctl"};
  UseOwnHelp(root);
  Globals globals;
  AddGlobals(root, globals);
  Commands commands;
  for (const auto add : kCommands) {
    for (Command& command : add(root)) commands.push_back(std::move(command));
  }
  try {
    Parse(root, argc, argv);
  } catch (const CLI::ParseError& error) {
    return EndParse(root, error, environment);
  }
  for (const Command& command : commands) {
    if (command.parser->parsed()) return Run(command, globals, environment);
  }
  return kExitUsage;
}

}  // namespace percpu::cli
