// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The side door's lane beside a session's gRPC stream, on one daemon, in one run.
//
// Both are driven by a client of one thread with the same number of requests in flight,
// and both clients put what they may send into as few writes as they can. A bare echo
// over a SEQPACKET socket says what the kernel takes for one message there and back. The
// loads take turns in short slices, round after round; a ratio is of one round, and each
// figure is the median of its rounds.

#include <CLI/CLI.hpp>
#include <array>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/rpc/lane_load.h"
#include "tests/bench/rpc/rpc_load.h"
#include "tests/bench/rpc/stream_load.h"
#include "tests/support/command_line.h"
#include "tests/support/process.h"

namespace percpud::bench {
namespace {

constexpr std::array kInFlight = {1, 16, 64};
constexpr std::array kBatches = {16, 256, 4096};

struct Flags : testing::RoundFlags {
  int cpus = 16;
  // Everything that is granted is committed first, to be there after a restart.
  bool catalog = false;
};

using Series = std::vector<double>;

// One load of one round.
struct Measured {
  double p50_us = 0;
  double per_second = 0;
  // The daemon's processor time.
  double daemon_us = 0;
};

// The same calls over the lane and over the stream, round by round.
struct Pair {
  Series lane_p50, stream_p50;
  Series lane_per_second, stream_per_second;
  Series lane_daemon_us, stream_daemon_us;
  // Ratios within one round: more is better, less is better.
  Series calls_ratio, daemon_ratio;

  void Add(const Measured& lane, const Measured& stream) {
    lane_p50.push_back(lane.p50_us);
    stream_p50.push_back(stream.p50_us);
    lane_per_second.push_back(lane.per_second);
    stream_per_second.push_back(stream.per_second);
    lane_daemon_us.push_back(lane.daemon_us);
    stream_daemon_us.push_back(stream.daemon_us);
    calls_ratio.push_back(lane.per_second / stream.per_second);
    daemon_ratio.push_back(lane.daemon_us / stream.daemon_us);
  }
};

struct Results {
  Series echo_p50;
  // The ratio within one round of the lane's Ping, one in flight, to the echo.
  Series ping_by_echo;
  std::map<int, Pair> ping;
  std::map<int, Pair> alloc_free;
  // By areas in a request, one in flight: the lane alone.
  std::map<int, Series> areas_per_second;
};

struct Loads {
  pid_t daemon = 0;
  std::unique_ptr<EchoLoad> echo;
  std::unique_ptr<LaneLoad> lane;
  std::unique_ptr<StreamLoad> stream;
};

// Runs a load and says what the daemon used for it.
template <typename Load>
absl::StatusOr<Measured> Measure(pid_t daemon, Load load) {
  const absl::StatusOr<double> before = ProcessorMicros(daemon);
  if (!before.ok()) return before.status();
  absl::StatusOr<Samples> samples = load();
  if (!samples.ok()) return samples.status();
  const absl::StatusOr<double> after = ProcessorMicros(daemon);
  if (!after.ok()) return after.status();
  return Measured{.p50_us = samples->Percentile(0.5),
                  .per_second = samples->per_second(),
                  .daemon_us = (*after - *before) / static_cast<double>(samples->micros.size())};
}

// Both calls of a pair count.
absl::StatusOr<Samples> Together(absl::StatusOr<AllocFreeSamples> pair) {
  if (!pair.ok()) return pair.status();
  Samples both = std::move(pair->alloc);
  both.micros.insert(both.micros.end(), pair->free.micros.begin(), pair->free.micros.end());
  return both;
}

template <typename LaneCalls, typename StreamCalls>
absl::Status MeasurePair(const Loads& loads, LaneCalls lane_calls, StreamCalls stream_calls,
                         Pair& pair) {
  const absl::StatusOr<Measured> lane = Measure(loads.daemon, lane_calls);
  if (!lane.ok()) return lane.status();
  const absl::StatusOr<Measured> stream = Measure(loads.daemon, stream_calls);
  if (!stream.ok()) return stream.status();
  pair.Add(*lane, *stream);
  return absl::OkStatus();
}

absl::Status MeasureRound(const Loads& loads, absl::Duration slice, Results& results) {
  const absl::StatusOr<Samples> echo = loads.echo->Run(slice);
  if (!echo.ok()) return echo.status();
  results.echo_p50.push_back(echo->Percentile(0.5));
  for (const int in_flight : kInFlight) {
    absl::Status status = MeasurePair(
        loads, [&] { return loads.lane->Ping(in_flight, slice); },
        [&] { return loads.stream->Ping(in_flight, slice); }, results.ping[in_flight]);
    if (!status.ok()) return status;
    status = MeasurePair(
        loads, [&] { return Together(loads.lane->AllocFree(in_flight, 1, slice)); },
        [&] { return Together(loads.stream->AllocFree(in_flight, slice)); },
        results.alloc_free[in_flight]);
    if (!status.ok()) return status;
  }
  results.ping_by_echo.push_back(results.ping[1].lane_p50.back() / results.echo_p50.back());
  for (const int areas : kBatches) {
    const absl::StatusOr<AllocFreeSamples> batch = loads.lane->AllocFree(1, areas, slice);
    if (!batch.ok()) return batch.status();
    results.areas_per_second[areas].push_back(areas * batch->alloc.per_second());
  }
  return absl::OkStatus();
}

absl::StatusOr<Results> MeasureAll(const Flags& flags) {
  const testing::TempDir dir;
  std::vector<std::string> options = {
      "--cpus", absl::StrCat(flags.cpus), "--arena-size", "1GiB", "--log-level", "error"};
  if (flags.catalog) {
    options.insert(options.end(), {"--arena", absl::StrCat("file:", dir.path(), "/arena")});
  }
  // Before gRPC has threads: a fork would lose them.
  auto echo = EchoLoad::Start();
  if (!echo.ok()) return echo.status();
  const auto daemon = testing::StartDaemon(dir, options);
  if (!daemon.ok()) return daemon.status();
  auto lane = LaneLoad::Open(daemon->address);
  if (!lane.ok()) return lane.status();
  auto stream = StreamLoad::Open(daemon->address);
  if (!stream.ok()) return stream.status();
  const Loads loads{.daemon = daemon->process.pid(),
                    .echo = *std::move(echo),
                    .lane = *std::move(lane),
                    .stream = *std::move(stream)};
  const absl::Duration slice = absl::Seconds(flags.seconds);
  Results warm_up;
  if (!flags.smoke) {
    if (absl::Status status = MeasureRound(loads, slice, warm_up); !status.ok()) return status;
  }
  Results results;
  for (int round = 0; round < flags.rounds; ++round) {
    if (absl::Status status = MeasureRound(loads, slice, results); !status.ok()) return status;
  }
  return results;
}

void PrintPairs(const char* what, const std::map<int, Pair>& pairs) {
  std::cout << absl::StreamFormat(
      "\n%-12s| us p50   lane  stream |  calls/s    lane    stream   ratio | daemon us  lane  "
      "stream   ratio\n",
      what);
  for (const auto& [in_flight, pair] : pairs) {
    std::cout << absl::StreamFormat(
        "%11d | %13.1f %7.1f | %16.0f %9.0f %7.2f | %15.2f %7.2f %7.3f\n", in_flight,
        Median(pair.lane_p50), Median(pair.stream_p50), Median(pair.lane_per_second),
        Median(pair.stream_per_second), Median(pair.calls_ratio), Median(pair.lane_daemon_us),
        Median(pair.stream_daemon_us), Median(pair.daemon_ratio));
  }
}

void PrintTable(const Results& results) {
  std::cout << absl::StreamFormat("echo us p50 %.1f, the lane's Ping by it %.3f\n",
                                  Median(results.echo_p50), Median(results.ping_by_echo));
  PrintPairs("Ping", results.ping);
  PrintPairs("Alloc, Free", results.alloc_free);
  std::cout << "\nareas a request | areas/s allocated and freed over the lane, one in flight\n";
  for (const auto& [areas, series] : results.areas_per_second) {
    std::cout << absl::StreamFormat("%15d | %12.0f\n", areas, Median(series));
  }
}

nlohmann::ordered_json ToJson(const std::map<int, Pair>& pairs) {
  auto out = nlohmann::ordered_json::array();
  for (const auto& [in_flight, pair] : pairs) {
    out.push_back({{"in_flight", in_flight},
                   {"lane_p50_us", Median(pair.lane_p50)},
                   {"stream_p50_us", Median(pair.stream_p50)},
                   {"lane_calls_per_second", Median(pair.lane_per_second)},
                   {"stream_calls_per_second", Median(pair.stream_per_second)},
                   {"calls_ratio", Median(pair.calls_ratio)},
                   {"lane_daemon_us", Median(pair.lane_daemon_us)},
                   {"stream_daemon_us", Median(pair.stream_daemon_us)},
                   {"daemon_ratio", Median(pair.daemon_ratio)}});
  }
  return out;
}

void PrintJson(const Flags& flags, const Results& results) {
  nlohmann::ordered_json json = {{"rounds", flags.rounds},
                                 {"seconds", flags.seconds},
                                 {"cpus", flags.cpus},
                                 {"catalog", flags.catalog},
                                 {"echo_p50_us", Median(results.echo_p50)},
                                 {"ping_by_echo", Median(results.ping_by_echo)},
                                 {"ping", ToJson(results.ping)},
                                 {"alloc_free", ToJson(results.alloc_free)},
                                 {"batch", nlohmann::ordered_json::array()}};
  for (const auto& [areas, series] : results.areas_per_second) {
    json["batch"].push_back({{"areas", areas}, {"areas_per_second", Median(series)}});
  }
  std::cout << json.dump(2) << '\n';
}

int Main(int argc, char** argv) {
  // The daemon does the same: the packaged abseil tracks lock order otherwise.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  Flags flags;
  const auto app = testing::MakeApp("Measures the side door's lane beside gRPC");
  testing::AddRoundFlags(*app, flags);
  app->add_option("--cpus", flags.cpus, "Units per area")->check(CLI::Range(1, 4096));
  app->add_flag("--catalog", flags.catalog, "With a daemon whose grants outlive it");
  if (const auto ended = testing::ParseRounds(*app, argc, argv, flags)) return *ended;
  return testing::PrintResults(
      "bench_lane", flags, MeasureAll(flags),
      [&](const Results& results) { PrintJson(flags, results); }, PrintTable);
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}
