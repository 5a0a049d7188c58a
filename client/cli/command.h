// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMAND_H_
#define PERCPUD_CLIENT_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/render.h"
#include "client/cli/report.h"
#include "percpu/client.h"

namespace percpu::cli {

// Time as a command sees it: a test's passes as fast as it is asked to.
struct Clock {
  std::function<absl::Time()> now = absl::Now;
  std::function<void(absl::Duration)> sleep = absl::SleepFor;
};

// What a command may use while it runs.
struct Session {
  Client client;
  // As the user named it.
  std::string address;
  // For rows that come one by one; all else is returned as a Report.
  Renderer& renderer;
  // Where a Progress goes; nullptr when nobody watches.
  std::ostream* progress = nullptr;
  Clock clock;
};

// A subcommand: how it is written, which its own parser knows, and what it does.
struct Command {
  CLI::App* parser = nullptr;
  std::function<absl::StatusOr<Report>(Session&)> run;
};

// Declares a command below `root`, which owns the parser. To add one: a function
// like these in a file of commands/, a line here and one in app.cc.
Command AddAdd(CLI::App& root);
Command AddAlloc(CLI::App& root);
Command AddBuddy(CLI::App& root);
Command AddCheck(CLI::App& root);
Command AddChunk(CLI::App& root);
Command AddChunks(CLI::App& root);
Command AddCompletion(CLI::App& root);
Command AddEstimate(CLI::App& root);
Command AddFree(CLI::App& root);
Command AddGroups(CLI::App& root);
Command AddInfo(CLI::App& root);
Command AddLeases(CLI::App& root);
Command AddPing(CLI::App& root);
Command AddRead(CLI::App& root);
Command AddReplay(CLI::App& root);
Command AddResolve(CLI::App& root);
Command AddSession(CLI::App& root);
Command AddSessions(CLI::App& root);
Command AddSlots(CLI::App& root);
Command AddStatics(CLI::App& root);
Command AddStats(CLI::App& root);
Command AddSum(CLI::App& root);
Command AddTop(CLI::App& root);
Command AddUnits(CLI::App& root);
Command AddVariable(CLI::App& root);
Command AddVariables(CLI::App& root);
Command AddWatch(CLI::App& root);
Command AddWrite(CLI::App& root);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMAND_H_
