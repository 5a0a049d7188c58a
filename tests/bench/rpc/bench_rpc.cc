// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a call on a real percpud costs, over a Unix socket.
//
// Ping does nothing, so it is gRPC's own price: Alloc is worth comparing with
// it and with nothing else. A session's stream is compared with both: with the
// unary Ping for what it saves, with a Ping on the same stream for what Alloc
// itself costs. The loads take turns in short slices, round after
// round, and each figure is the median of its rounds: a machine that slows down
// for a while slows all of them.

#include <CLI/CLI.hpp>
#include <array>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/rpc/rpc_load.h"
#include "tests/bench/rpc/stream_load.h"
#include "tests/support/command_line.h"
#include "tests/support/process.h"

namespace percpud::bench {
namespace {

constexpr std::array kInFlight = {1, 16};
constexpr std::array kBatches = {1, 4, 16, 64, 256, 1024, 4096};

struct Flags : testing::RoundFlags {
  int cpus = 16;
  int live = 10'000;
  // Everything that is granted is committed first, to be there after a restart.
  bool catalog = false;
};

// A figure of each round.
using Series = std::vector<double>;

struct Latency {
  Series p50;
  Series p99;

  void Add(const Samples& samples) {
    p50.push_back(samples.Percentile(0.5));
    p99.push_back(samples.Percentile(0.99));
  }
};

// One width of the window.
struct UnaryResult {
  Latency ping;
  Latency alloc;
  Latency free;
  Series pings_per_second;
  // Both calls of a pair count.
  Series calls_per_second;
  // Alloc's p50 by Ping's, of the same round.
  Series alloc_by_ping;
};

// One size of a batch, a call at a time.
struct BatchResult {
  Series alloc_p50;
  // While an Alloc is in flight, and over the whole time, with each freed again.
  Series allocated_per_second;
  Series turned_over_per_second;
};

// One width of the window on a session's stream.
struct StreamResult {
  Series ping_p50;
  Latency alloc;
  Series pings_per_second;
  Series calls_per_second;
  // In the same round: Alloc's p50 by the unary Ping's at that width, and calls
  // per second by the stream's own pings.
  Series alloc_by_unary_ping;
  Series calls_by_pings;
};

// Several threads, each waiting for its call through the SDK.
struct SdkResult {
  Latency alloc;
  Latency free;
  Series calls_per_second;
  // Alloc's p50 by that of a unary Ping, one in flight, in the same round.
  Series alloc_by_unary_ping;
};

struct Results {
  std::map<int, UnaryResult> unary;
  std::map<int, StreamResult> stream;
  std::map<int, SdkResult> sdk;
  std::map<int, BatchResult> batch;
};

absl::Status MeasureUnary(RpcLoad& load, int in_flight, absl::Duration slice, UnaryResult& result) {
  const absl::StatusOr<Samples> ping = load.Ping(in_flight, slice);
  if (!ping.ok()) return ping.status();
  const absl::StatusOr<AllocFreeSamples> pair = load.AllocFree(in_flight, 1, slice);
  if (!pair.ok()) return pair.status();
  result.ping.Add(*ping);
  result.alloc.Add(pair->alloc);
  result.free.Add(pair->free);
  result.pings_per_second.push_back(ping->per_second());
  result.calls_per_second.push_back(pair->alloc.per_second() + pair->free.per_second());
  result.alloc_by_ping.push_back(result.alloc.p50.back() / result.ping.p50.back());
  return absl::OkStatus();
}

absl::Status MeasureStream(StreamLoad& load, int in_flight, absl::Duration slice, double unary_ping,
                           StreamResult& result) {
  const absl::StatusOr<Samples> ping = load.Ping(in_flight, slice);
  if (!ping.ok()) return ping.status();
  const absl::StatusOr<AllocFreeSamples> pair = load.AllocFree(in_flight, slice);
  if (!pair.ok()) return pair.status();
  result.ping_p50.push_back(ping->Percentile(0.5));
  result.alloc.Add(pair->alloc);
  result.pings_per_second.push_back(ping->per_second());
  result.calls_per_second.push_back(pair->alloc.per_second() + pair->free.per_second());
  result.alloc_by_unary_ping.push_back(result.alloc.p50.back() / unary_ping);
  result.calls_by_pings.push_back(result.calls_per_second.back() / ping->per_second());
  return absl::OkStatus();
}

absl::Status MeasureSdk(SdkLoad& load, int threads, absl::Duration slice, double unary_ping,
                        SdkResult& result) {
  const absl::StatusOr<AllocFreeSamples> pair = load.AllocFree(threads, slice);
  if (!pair.ok()) return pair.status();
  result.alloc.Add(pair->alloc);
  result.free.Add(pair->free);
  result.calls_per_second.push_back(pair->alloc.per_second() + pair->free.per_second());
  result.alloc_by_unary_ping.push_back(result.alloc.p50.back() / unary_ping);
  return absl::OkStatus();
}

absl::Status MeasureBatch(RpcLoad& load, int areas, absl::Duration slice, BatchResult& result) {
  const absl::StatusOr<AllocFreeSamples> pair = load.AllocFree(1, areas, slice);
  if (!pair.ok()) return pair.status();
  const double p50 = pair->alloc.Percentile(0.5);
  result.alloc_p50.push_back(p50);
  result.allocated_per_second.push_back(1e6 * areas / p50);
  result.turned_over_per_second.push_back(areas * pair->alloc.per_second());
  return absl::OkStatus();
}

// The same daemon, by every way in.
struct Loads {
  RpcLoad unary;
  std::unique_ptr<StreamLoad> stream;
  std::unique_ptr<SdkLoad> sdk;
};

absl::StatusOr<std::unique_ptr<Loads>> OpenLoads(const std::string& address) {
  absl::StatusOr<std::unique_ptr<StreamLoad>> stream = StreamLoad::Open(address);
  if (!stream.ok()) return stream.status();
  absl::StatusOr<std::unique_ptr<SdkLoad>> sdk = SdkLoad::Open(address);
  if (!sdk.ok()) return sdk.status();
  return std::unique_ptr<Loads>(
      new Loads{.unary = RpcLoad(address), .stream = *std::move(stream), .sdk = *std::move(sdk)});
}

absl::Status MeasureRound(Loads& loads, absl::Duration slice, Results& results) {
  for (const int in_flight : kInFlight) {
    UnaryResult& unary = results.unary[in_flight];
    absl::Status status = MeasureUnary(loads.unary, in_flight, slice, unary);
    if (!status.ok()) return status;
    status = MeasureStream(*loads.stream, in_flight, slice, unary.ping.p50.back(),
                           results.stream[in_flight]);
    if (!status.ok()) return status;
    status = MeasureSdk(*loads.sdk, in_flight, slice, results.unary[1].ping.p50.back(),
                        results.sdk[in_flight]);
    if (!status.ok()) return status;
  }
  for (const int areas : kBatches) {
    absl::Status status = MeasureBatch(loads.unary, areas, slice, results.batch[areas]);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Results> Measure(const Flags& flags) {
  const testing::TempDir dir;
  std::vector<std::string> options = {
      "--cpus", absl::StrCat(flags.cpus), "--arena-size", "1GiB", "--log-level", "error"};
  if (flags.catalog) {
    options.insert(options.end(), {"--arena", absl::StrCat("file:", dir.path(), "/arena")});
  }
  const auto daemon = testing::StartDaemon(dir, options);
  if (!daemon.ok()) return daemon.status();
  const absl::StatusOr<std::unique_ptr<Loads>> opened = OpenLoads(daemon->address);
  if (!opened.ok()) return opened.status();
  Loads& loads = **opened;
  if (absl::Status status = loads.unary.Fill(flags.live); !status.ok()) return status;

  const absl::Duration slice = absl::Seconds(flags.seconds);
  Results warm_up;
  Results results;
  if (!flags.smoke) {
    if (absl::Status status = MeasureRound(loads, slice, warm_up); !status.ok()) return status;
  }
  for (int round = 0; round < flags.rounds; ++round) {
    if (absl::Status status = MeasureRound(loads, slice, results); !status.ok()) return status;
  }
  return results;
}

void PrintStreams(const Results& results) {
  std::cout << "\non a stream, in flight | Ping us p50  calls/s | Alloc us p50    p99 |  calls/s |"
               " Alloc/unary Ping | calls/s by Ping's\n";
  for (const auto& [in_flight, stream] : results.stream) {
    std::cout << absl::StreamFormat(
        "%22d | %11.1f %8.0f | %12.1f %6.1f | %8.0f | %16.3f | %17.3f\n", in_flight,
        Median(stream.ping_p50), Median(stream.pings_per_second), Median(stream.alloc.p50),
        Median(stream.alloc.p99), Median(stream.calls_per_second),
        Median(stream.alloc_by_unary_ping), Median(stream.calls_by_pings));
  }
  std::cout << "\nthreads of the SDK | Alloc us p50    p99 | Free us p50    p99 |  calls/s |"
               " Alloc/unary Ping\n";
  for (const auto& [threads, sdk] : results.sdk) {
    std::cout << absl::StreamFormat("%18d | %12.1f %6.1f | %11.1f %6.1f | %8.0f | %16.3f\n",
                                    threads, Median(sdk.alloc.p50), Median(sdk.alloc.p99),
                                    Median(sdk.free.p50), Median(sdk.free.p99),
                                    Median(sdk.calls_per_second), Median(sdk.alloc_by_unary_ping));
  }
}

void PrintTable(const Results& results) {
  std::cout << "in flight |    Ping us p50    p99  calls/s |   Alloc us p50    p99 |    Free us p50"
               "    p99 |  calls/s | Alloc/Ping\n";
  for (const auto& [in_flight, unary] : results.unary) {
    std::cout << absl::StreamFormat(
        "%9d | %14.1f %6.1f %8.0f | %14.1f %6.1f | %14.1f %6.1f | %8.0f | %10.3f\n", in_flight,
        Median(unary.ping.p50), Median(unary.ping.p99), Median(unary.pings_per_second),
        Median(unary.alloc.p50), Median(unary.alloc.p99), Median(unary.free.p50),
        Median(unary.free.p99), Median(unary.calls_per_second), Median(unary.alloc_by_ping));
  }
  PrintStreams(results);
  std::cout << "\nareas per call | Alloc us p50 | areas/s in Alloc | areas/s in Alloc and Free\n";
  for (const auto& [areas, batch] : results.batch) {
    std::cout << absl::StreamFormat("%14d | %12.1f | %16.0f | %25.0f\n", areas,
                                    Median(batch.alloc_p50), Median(batch.allocated_per_second),
                                    Median(batch.turned_over_per_second));
  }
}

nlohmann::ordered_json ToJson(const Latency& latency) {
  return {{"p50_us", Median(latency.p50)}, {"p99_us", Median(latency.p99)}};
}

void PrintJson(const Flags& flags, const Results& results) {
  nlohmann::ordered_json json = {{"rounds", flags.rounds},
                                 {"seconds", flags.seconds},
                                 {"cpus", flags.cpus},
                                 {"live_areas", flags.live},
                                 {"catalog", flags.catalog},
                                 {"unary", nlohmann::ordered_json::array()},
                                 {"stream", nlohmann::ordered_json::array()},
                                 {"sdk", nlohmann::ordered_json::array()},
                                 {"batch", nlohmann::ordered_json::array()}};
  for (const auto& [in_flight, unary] : results.unary) {
    json["unary"].push_back({{"in_flight", in_flight},
                             {"ping", ToJson(unary.ping)},
                             {"alloc", ToJson(unary.alloc)},
                             {"free", ToJson(unary.free)},
                             {"pings_per_second", Median(unary.pings_per_second)},
                             {"calls_per_second", Median(unary.calls_per_second)},
                             {"alloc_by_ping_p50", Median(unary.alloc_by_ping)}});
  }
  for (const auto& [in_flight, stream] : results.stream) {
    json["stream"].push_back({{"in_flight", in_flight},
                              {"ping_p50_us", Median(stream.ping_p50)},
                              {"alloc", ToJson(stream.alloc)},
                              {"pings_per_second", Median(stream.pings_per_second)},
                              {"calls_per_second", Median(stream.calls_per_second)},
                              {"alloc_by_unary_ping_p50", Median(stream.alloc_by_unary_ping)},
                              {"calls_by_pings", Median(stream.calls_by_pings)}});
  }
  for (const auto& [threads, sdk] : results.sdk) {
    json["sdk"].push_back({{"threads", threads},
                           {"alloc", ToJson(sdk.alloc)},
                           {"free", ToJson(sdk.free)},
                           {"calls_per_second", Median(sdk.calls_per_second)},
                           {"alloc_by_unary_ping_p50", Median(sdk.alloc_by_unary_ping)}});
  }
  for (const auto& [areas, batch] : results.batch) {
    json["batch"].push_back({{"areas", areas},
                             {"alloc_p50_us", Median(batch.alloc_p50)},
                             {"allocated_per_second", Median(batch.allocated_per_second)},
                             {"turned_over_per_second", Median(batch.turned_over_per_second)}});
  }
  std::cout << json.dump(2) << '\n';
}

int Main(int argc, char** argv) {
  // The packaged abseil tracks lock order otherwise. The daemon does the same.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  Flags flags;
  const auto app = testing::MakeApp("Measures calls on a percpud of its own");
  testing::AddRoundFlags(*app, flags);
  app->add_option("--cpus", flags.cpus, "Units per area")->check(CLI::Range(1, 4096));
  app->add_option("--live", flags.live, "Areas that are there all the time")
      ->check(CLI::Range(0, 1'000'000));
  app->add_flag("--catalog", flags.catalog, "With a daemon whose grants outlive it");
  if (const auto ended = testing::ParseRounds(*app, argc, argv, flags)) return *ended;
  return testing::PrintResults(
      "bench_rpc", flags, Measure(flags),
      [&](const Results& results) { PrintJson(flags, results); }, PrintTable);
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}
