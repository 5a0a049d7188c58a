// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Replays an allocation trace through the allocator in this process.
//
// One pass measures fullness after every operation and checks each growth
// against a naive walk over all free gaps; the timed passes that follow do
// nothing but allocate and free. With --no-zero no memory is touched, which
// leaves the metadata work. --compare does both for all traces of
// tests/traces/gen.py, beside malloc libraries, memset and the kernel's figures,
// and with --no-zero the metadata work alone.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/report/report.h"
#include "tests/bench/trace/trace_compare.h"
#include "tests/bench/trace/trace_replay.h"
#include "tests/bench/trace/trace_results.h"
#include "tests/support/command_line.h"

namespace percpud::bench {
namespace {

struct Flags {
  std::string trace;
  ReplayOptions replay;
  int reps = 5;
  std::string placements;
  std::string output = "table";
  bool compare = false;
  CompareOptions comparison;
  std::vector<std::string> goals;
  // Set in the processes that measure a malloc library.
  std::string measure;
  std::string second;
  std::size_t operations = SIZE_MAX;
};

void Print(const Flags& flags, std::size_t ops, const Fullness& result, PassSamples rounds) {
  std::sort(rounds.all.begin(), rounds.all.end());
  const double median = Median(rounds.all);
  const double balancer = Median(rounds.balancer);
  const double backing = Median(rounds.backing);
  const double warm = Median(rounds.warm);
  if (flags.output == "json") {
    const nlohmann::ordered_json json = {{"trace", flags.trace},
                                         {"operations", ops},
                                         {"cpus", flags.replay.cpus},
                                         {"unit_size", flags.replay.unit_size},
                                         {"zeroed", !flags.replay.no_zero},
                                         {"ns_per_op_median", median},
                                         {"ns_per_op_min", rounds.all.front()},
                                         {"ns_per_op_max", rounds.all.back()},
                                         {"balancer_ns_per_op_median", balancer},
                                         {"backing_ns_per_op_median", backing},
                                         {"warm_ns_per_op_median", warm},
                                         {"mean_utilisation", result.mean_utilisation},
                                         {"final_utilisation", result.final_utilisation},
                                         {"mean_physical", result.mean_physical},
                                         {"final_physical", result.final_physical},
                                         {"final_pages_in_use", result.final_pages_in_use},
                                         {"chunks_peak", result.chunks_peak},
                                         {"chunks_created", result.chunks_created},
                                         {"chunks_created_ahead", result.chunks_created_ahead},
                                         {"growths_while_room", result.growths_while_room}};
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << absl::StrFormat(
      "%s: %d ops, %d CPUs, %s: %.1f ns/op [%.1f..%.1f], %.1f of it the balancer's, + %.1f "
      "backing; %.1f warm; utilisation mean %.3f "
      "final %.3f, physical mean %.3f final %.3f, pages in use at the end %.3f, chunks peak %d "
      "created %d (%d ahead), growths while room %d\n",
      flags.trace, ops, flags.replay.cpus, flags.replay.no_zero ? "metadata only" : "zeroed",
      median, rounds.all.front(), rounds.all.back(), balancer, backing, warm,
      result.mean_utilisation, result.final_utilisation, result.mean_physical,
      result.final_physical, result.final_pages_in_use, result.chunks_peak, result.chunks_created,
      result.chunks_created_ahead, result.growths_while_room);
}

absl::Status ReplayOne(const Flags& flags) {
  const auto trace = percpu::ReadTrace(flags.trace);
  if (!trace.ok()) return trace.status();
  const auto fullness = MeasureFullness(flags.replay, *trace, flags.placements);
  if (!fullness.ok()) return fullness.status();
  PassSamples rounds;
  for (int rep = 0; rep < flags.reps; ++rep) {
    const auto passes = TimeReplay(flags.replay, *trace, kWarmPasses);
    if (!passes.ok()) return passes.status();
    AddPasses(*passes, rounds);
  }
  Print(flags, trace->size(), *fullness, rounds);
  return absl::OkStatus();
}

void AddFlags(CLI::App& app, Flags& flags) {
  auto* const trace = app.add_option("--trace", flags.trace);
  app.add_option("--cpus", flags.replay.cpus);
  app.add_option("--unit-size", flags.replay.unit_size)->transform(CLI::AsSizeValue(false));
  app.add_option("--static-size", flags.replay.static_size)->transform(CLI::AsSizeValue(false));
  app.add_option("--arena-size", flags.replay.arena_size)->transform(CLI::AsSizeValue(false));
  app.add_option("--backend", flags.replay.backend)->check(CLI::IsMember({"km", "vm"}));
  app.add_flag("--return-tail", flags.replay.backend_options.return_tail, "as km.return_tail");
  app.add_flag("--no-zero", flags.replay.no_zero, "touch no memory: the metadata work alone");
  app.add_option("--reps", flags.reps)->check(CLI::Range(1, 1000));
  app.add_option("--placements", flags.placements, "write 'ID POINTER' lines here");
  app.add_option("--empty-pages-low", flags.replay.empty_pages_low);
  app.add_option("--empty-pages-high", flags.replay.empty_pages_high);
  app.add_option("-o,--output", flags.output)->check(CLI::IsMember({"table", "json"}));
  app.add_flag("--compare", flags.compare, "all traces, beside malloc libraries")->excludes(trace);
  app.add_flag("--smoke", flags.comparison.smoke, "of --compare: that it works, not how fast");
  app.add_option("--seed", flags.comparison.seed, "of --compare: the traces'");
  app.add_option("--json", flags.comparison.json_file, "of --compare: write JSON here too");
  app.add_option("--goals", flags.goals, "print the goals of reports, and nothing else")
      ->excludes(trace);
  app.add_option("--measure", flags.measure)->group("");
  app.add_option("--second", flags.second)->group("");
  app.add_option("--operations", flags.operations)->group("");
}

int Main(int argc, char** argv) {
  // The packaged abseil tracks lock order otherwise. The daemon does the same.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  Flags flags;
  const auto app = testing::MakeApp("Replays allocation traces in process");
  AddFlags(*app, flags);
  if (const auto ended = testing::Parse(*app, argc, argv)) return *ended;

  absl::Status status;
  if (!flags.measure.empty()) {
    status = MeasureMalloc(flags.measure, flags.trace, flags.second, flags.operations);
  } else if (!flags.goals.empty()) {
    status = PrintGoalsOf(flags.goals);
  } else if (flags.compare) {
    flags.comparison.replay = flags.replay;
    flags.comparison.rounds = flags.comparison.smoke ? 1 : flags.reps;
    flags.comparison.json = flags.output == "json";
    status = CompareTraces(flags.comparison);
  } else if (flags.trace.empty()) {
    status = absl::InvalidArgumentError("--trace, --compare or --goals is needed");
  } else {
    status = ReplayOne(flags);
  }
  if (status.ok()) return 0;
  std::cerr << "bench_trace: " << status.ToString() << '\n';
  return 1;
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}
