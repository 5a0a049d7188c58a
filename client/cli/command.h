// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMAND_H_
#define PERCPUD_CLIENT_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/render.h"
#include "client/cli/report.h"
#include "percpu/client.h"
#include "percpu/fleet_connection.h"
#include "percpu/metrics_connection.h"
#include "server/base/clock.h"

namespace percpu::cli {

// Time, for a command. A test's passes as fast as the test asks.
struct Clock {
  std::function<percpud::BootTime()> now = percpud::NowSinceBoot;
  // Waits; true if the user wants the command to end before that.
  std::function<bool(absl::Duration)> wait_for_quit = [](absl::Duration duration) {
    absl::SleepFor(duration);
    return false;
  };
};

// What a command may use while it runs.
struct Context {
  Client client;
  std::shared_ptr<MetricsConnection> metrics;
  // Connects to the percpud-fleet at that address.
  std::function<std::shared_ptr<FleetConnection>(const std::string& agent)> connect_fleet;
  // The namespace that the user means; empty if nothing was said.
  std::string name_space;
  // The most a call may take.
  absl::Duration timeout;
  // The daemon's address, as the user named it.
  std::string address;
  // For rows that come one by one; all else is returned as a Report.
  Renderer& renderer;
  // The screen behind the renderer.
  Style style;
  // Takes remarks that are not part of the output.
  std::ostream& err;
  // Where a Progress goes; nullptr when nobody watches.
  std::ostream* progress = nullptr;
  Clock clock;
};

// A command as the user gives it, with all its words: its parser and what it does.
struct Command {
  CLI::App* parser = nullptr;
  std::function<absl::StatusOr<Report>(Context&)> run;
};
using Commands = std::vector<Command>;

// Each declares a noun with its verbs, or a command of one word, below `root`,
// which owns the parsers. To add one: a function like these in a file of
// commands/, a line here and one in app.cc.
Commands AddAdd(CLI::App& root);
Commands AddAlloc(CLI::App& root);
Commands AddBuddy(CLI::App& root);
Commands AddCheck(CLI::App& root);
Commands AddChunk(CLI::App& root);
Commands AddCompletion(CLI::App& root);
Commands AddEstimate(CLI::App& root);
Commands AddFamily(CLI::App& root);
Commands AddFleet(CLI::App& root);
Commands AddFree(CLI::App& root);
Commands AddGet(CLI::App& root);
Commands AddGroup(CLI::App& root);
Commands AddInc(CLI::App& root);
Commands AddInfo(CLI::App& root);
Commands AddLease(CLI::App& root);
Commands AddMetrics(CLI::App& root);
Commands AddObserve(CLI::App& root);
Commands AddPing(CLI::App& root);
Commands AddRead(CLI::App& root);
Commands AddReplay(CLI::App& root);
Commands AddResolve(CLI::App& root);
Commands AddSession(CLI::App& root);
Commands AddSet(CLI::App& root);
Commands AddSlot(CLI::App& root);
Commands AddStatic(CLI::App& root);
Commands AddStats(CLI::App& root);
Commands AddSum(CLI::App& root);
Commands AddTop(CLI::App& root);
Commands AddUnit(CLI::App& root);
Commands AddVariable(CLI::App& root);
Commands AddWatch(CLI::App& root);
Commands AddWrite(CLI::App& root);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMAND_H_
