// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a call costs on a percpud with many of everything, beside what it costs
// on one with a single session. Both run at once, on arenas and catalogs
// of their own, and are measured in turn, round after round: a machine that slows
// down for a while slows both.
//
//   sessions   one call in flight: a single session's on the small daemon, every
//              session's in turn on the large one
//   clients    on the large daemon, many connections with a call in flight
//              each, beside one connection with one and with sixteen

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/rpc/crowd.h"
#include "tests/bench/rpc/rpc_load.h"
#include "tests/support/command_line.h"

namespace percpud::bench {
namespace {

constexpr int kWindow = 16;

struct Flags : testing::RoundFlags {
  Crowd::Size size{.sessions = 10'000, .areas = 100'000, .variables = 100'000};
  int clients = 1000;
  Flags() { seconds = 0.5; }
};

// A figure of each round.
using Series = std::vector<double>;

struct Load {
  std::string name;
  const Crowd* crowd = nullptr;
  std::unique_ptr<RpcLoad> rpc;
  int in_flight = 1;
  // Alloc's latency in us, calls (Alloc and Free) per second, and what a call
  // costs the daemon, in us of processor time.
  Series p50;
  Series p99;
  Series calls_per_second;
  Series processor_us;

  // After a quarter of the slice that does not count: a daemon that has just
  // been idle is slow at first.
  absl::Status Measure(absl::Duration slice) {
    if (auto warm_up = rpc->AllocFree(in_flight, 1, slice / 4); !warm_up.ok()) {
      return warm_up.status();
    }
    const double before = crowd->ProcessorTime();
    const absl::StatusOr<AllocFreeSamples> pair = rpc->AllocFree(in_flight, 1, slice);
    if (!pair.ok()) return pair.status();
    const double calls = static_cast<double>(pair->alloc.micros.size() + pair->free.micros.size());
    processor_us.push_back(1e6 * (crowd->ProcessorTime() - before) / calls);
    p50.push_back(pair->alloc.Percentile(0.5));
    p99.push_back(pair->alloc.Percentile(0.99));
    calls_per_second.push_back(pair->alloc.per_second() + pair->free.per_second());
    return absl::OkStatus();
  }
};

struct Results {
  Crowd::Times times;
  std::vector<Load> loads;
  // In the same round, one in flight: all sessions by a single one, as Alloc's
  // p50 and as processor time.
  Series crowd_by_one;
  Series processor_by_one;
};

Load MakeLoad(const std::string& name, const Crowd& crowd, int channels, int in_flight) {
  Load load{.name = name,
            .crowd = &crowd,
            .rpc = std::make_unique<RpcLoad>(crowd.address(), channels),
            .in_flight = in_flight,
            .p50 = {},
            .p99 = {},
            .calls_per_second = {},
            .processor_us = {}};
  load.rpc->Use(crowd.tokens());
  return load;
}

absl::StatusOr<Results> Measure(const Flags& flags) {
  const auto small = Crowd::Gather({.sessions = 1, .cpus = flags.size.cpus});
  if (!small.ok()) return small.status();
  const auto large = Crowd::Gather(flags.size);
  if (!large.ok()) return large.status();
  Results results;
  results.times = (*large)->times();
  results.loads.push_back(MakeLoad("1 session, 1 in flight", **small, 1, 1));
  results.loads.push_back(MakeLoad("all sessions, 1 in flight", **large, 1, 1));
  results.loads.push_back(MakeLoad("all sessions, 16 in flight", **large, 1, kWindow));
  results.loads.push_back(
      MakeLoad("all sessions, all clients", **large, flags.clients, flags.clients));

  const absl::Duration slice = absl::Seconds(flags.seconds);
  for (int round = 0; round < flags.rounds; ++round) {
    for (Load& load : results.loads) {
      if (absl::Status status = load.Measure(slice); !status.ok()) return status;
    }
    results.crowd_by_one.push_back(results.loads[1].p50.back() / results.loads[0].p50.back());
    results.processor_by_one.push_back(results.loads[1].processor_us.back() /
                                       results.loads[0].processor_us.back());
  }
  return results;
}

void PrintTable(const Flags& flags, const Results& results) {
  std::cout << absl::StreamFormat(
      "%d sessions (half local: %.2f s, half remote: %.2f s), %d areas of theirs (%.2f s), "
      "%d variables (%.2f s), %d clients\n\n",
      flags.size.sessions, results.times.local_sessions, results.times.remote_sessions,
      flags.size.areas, results.times.areas, flags.size.variables, results.times.variables,
      flags.clients);
  std::cout << "                           | Alloc us p50      p99 |  calls/s | daemon us/call\n";
  for (const Load& load : results.loads) {
    std::cout << absl::StreamFormat("%-26s | %12.1f %8.1f | %8.0f | %14.1f\n", load.name,
                                    Median(load.p50), Median(load.p99),
                                    Median(load.calls_per_second), Median(load.processor_us));
  }
  std::cout << absl::StreamFormat("\nall sessions by one: Alloc's p50 %.3f, processor time %.3f\n",
                                  Median(results.crowd_by_one), Median(results.processor_by_one));
}

void PrintJson(const Flags& flags, const Results& results) {
  nlohmann::ordered_json json = {{"rounds", flags.rounds},
                                 {"seconds", flags.seconds},
                                 {"cpus", flags.size.cpus},
                                 {"sessions", flags.size.sessions},
                                 {"areas", flags.size.areas},
                                 {"variables", flags.size.variables},
                                 {"clients", flags.clients},
                                 {"local_sessions_seconds", results.times.local_sessions},
                                 {"remote_sessions_seconds", results.times.remote_sessions},
                                 {"areas_seconds", results.times.areas},
                                 {"variables_seconds", results.times.variables},
                                 {"loads", nlohmann::ordered_json::array()},
                                 {"alloc_p50_all_by_one", Median(results.crowd_by_one)},
                                 {"processor_time_all_by_one", Median(results.processor_by_one)}};
  for (const Load& load : results.loads) {
    json["loads"].push_back({{"name", load.name},
                             {"alloc_p50_us", Median(load.p50)},
                             {"alloc_p99_us", Median(load.p99)},
                             {"calls_per_second", Median(load.calls_per_second)},
                             {"processor_us_per_call", Median(load.processor_us)}});
  }
  std::cout << json.dump(2) << '\n';
}

int Main(int argc, char** argv) {
  // The packaged abseil tracks lock order otherwise. The daemon does the same.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  Flags flags;
  const auto app = testing::MakeApp("Measures calls on percpuds of its own, one of them crowded");
  app->add_option("--sessions", flags.size.sessions, "At once, half of them local")
      ->check(CLI::Range(1, 100'000));
  app->add_option("--areas", flags.size.areas, "The sessions', all the time")
      ->check(CLI::Range(0, 1'000'000));
  app->add_option("--variables", flags.size.variables, "There all the time")
      ->check(CLI::Range(0, 1'000'000));
  app->add_option("--clients", flags.clients, "Connections at once")->check(CLI::Range(1, 100'000));
  app->add_option("--cpus", flags.size.cpus, "Units per area")->check(CLI::Range(1, 4096));
  testing::AddRoundFlags(*app, flags);
  if (const auto ended = testing::ParseRounds(*app, argc, argv, flags)) return *ended;
  if (flags.smoke) {
    flags.size = {.sessions = 20, .areas = 100, .variables = 20, .cpus = flags.size.cpus};
    flags.clients = 8;
  }
  return testing::PrintResults(
      "bench_scale", flags, Measure(flags),
      [&](const Results& results) { PrintJson(flags, results); },
      [&](const Results& results) { PrintTable(flags, results); });
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}
