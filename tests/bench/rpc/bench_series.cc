// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Opening series over the side door's lane: new ones, which are committed to the catalog,
// and ones that are there, as a worker finds them that comes after others.
//
// Each round makes a family of its own by one session, batch by batch and one batch in
// flight, and has a second session open all of it. Then series are opened alone, one in a request,
// beside the echo of a message by another process and the commit of one series' records by
// the daemon's catalog in this process. Figures are the median of the rounds.

#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "server/catalog/catalog.h"
#include "server/catalog/changes.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/rpc/lane_load.h"
#include "tests/support/command_line.h"
#include "tests/support/process.h"

namespace percpud::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Flags {
  int rounds = 5;
  int series = 10000;
  int batch = 1000;
  int cpus = 16;
  bool smoke = false;
  std::string output = "table";
};

double SecondsSince(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

// Bytes of a process that are in memory and not of a file.
absl::StatusOr<double> AnonymousBytes(pid_t process) {
  std::ifstream status(absl::StrCat("/proc/", process, "/status"));
  for (std::string line; std::getline(status, line);) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    double kibibytes = 0;
    if (words.size() > 1 && words[0] == "RssAnon:" && absl::SimpleAtod(words[1], &kibibytes)) {
      return kibibytes * 1024;
    }
  }
  return absl::NotFoundError("the process has no RssAnon");
}

struct Results {
  std::vector<double> new_per_second;
  std::vector<double> found_per_second;
  // A new session, and a thousand series that are there.
  std::vector<double> worker_ms;
  // What a new series takes of the daemon's own memory, beside the bytes of its labels.
  std::vector<double> bytes_per_series;
  // Microseconds of one alone.
  std::vector<double> new_us;
  std::vector<double> found_us;
  std::vector<double> echo_us;
  std::vector<double> commit_us;
};

// Opens a family's series in batches; returns the seconds.
absl::StatusOr<double> OpenAll(LaneLoad& lane, const std::string& family, int series, int batch) {
  const Clock::time_point began = Clock::now();
  for (int first = 0; first < series; first += batch) {
    const absl::Status status = lane.OpenSeries(family, first, std::min(batch, series - first));
    if (!status.ok()) return status;
  }
  return SecondsSince(began);
}

absl::Status MeasureRound(const Flags& flags, const std::string& address, pid_t daemon, int round,
                          Results& results) {
  const std::string family = absl::StrCat("requests_", round);
  auto first = LaneLoad::Open(address);
  if (!first.ok()) return first.status();
  auto second = LaneLoad::Open(address);
  if (!second.ok()) return second.status();
  const absl::StatusOr<double> before = AnonymousBytes(daemon);
  if (!before.ok()) return before.status();
  const absl::StatusOr<double> made = OpenAll(**first, family, flags.series, flags.batch);
  if (!made.ok()) return made.status();
  const absl::StatusOr<double> after = AnonymousBytes(daemon);
  if (!after.ok()) return after.status();
  // The first opening joins the namespace, which is a commit.
  if (absl::Status status = (*second)->OpenSeries(family, 0, 1); !status.ok()) return status;
  const absl::StatusOr<double> found = OpenAll(**second, family, flags.series, flags.batch);
  if (!found.ok()) return found.status();
  const Clock::time_point began = Clock::now();
  auto worker = LaneLoad::Open(address);
  if (!worker.ok()) return worker.status();
  const int few = std::min(1000, flags.series);
  if (const auto opened = OpenAll(**worker, family, few, flags.batch); !opened.ok()) {
    return opened.status();
  }
  results.worker_ms.push_back(SecondsSince(began) * 1e3);
  results.new_per_second.push_back(flags.series / *made);
  results.found_per_second.push_back(flags.series / *found);
  results.bytes_per_series.push_back((*after - *before) / flags.series - LaneLoad::kLabelBytes);
  return absl::OkStatus();
}

// The median of requests that open one series each.
absl::StatusOr<double> OpenAlone(LaneLoad& lane, const std::string& family, int series) {
  std::vector<double> micros;
  for (int i = 0; i < series; ++i) {
    const Clock::time_point began = Clock::now();
    if (const absl::Status status = lane.OpenSeries(family, i, 1); !status.ok()) return status;
    micros.push_back(SecondsSince(began) * 1e6);
  }
  return Median(micros);
}

// The median of commits of what one new series is kept as.
absl::StatusOr<double> CommitAlone(int series) {
  const testing::TempDir dir;
  auto opened =
      catalog::Catalog::Open({.path = dir.path() + "/catalog", .initial = Bytes(64 << 20)});
  if (!opened.ok()) return opened.status();
  std::vector<double> micros;
  for (int i = 1; i <= series; ++i) {
    const auto number = static_cast<std::uint64_t>(i);
    catalog::Changes changes;
    changes.Put(catalog::LastMetric{.id = number, .revision = number});
    changes.Put(catalog::Series{.id = SeriesId(number),
                                .family = FamilyId(1),
                                .cells = PercpuPtr(4096 + number * 8),
                                .values = std::string(LaneLoad::kLabelBytes, '/')});
    const Clock::time_point began = Clock::now();
    if (auto status = (*opened)->Commit(std::move(changes)); !status.ok()) return status;
    micros.push_back(SecondsSince(began) * 1e6);
  }
  return Median(micros);
}

absl::Status MeasureAlone(const Flags& flags, const std::string& address, int round,
                          Results& results) {
  const int series = std::min(flags.series, 2000);
  const std::string family = absl::StrCat("alone_", round);
  auto lane = LaneLoad::Open(address);
  if (!lane.ok()) return lane.status();
  // The first one makes the family, and joins the namespace.
  if (absl::Status status = (*lane)->OpenSeries(family, series, 1); !status.ok()) return status;
  const absl::StatusOr<double> made = OpenAlone(**lane, family, series);
  if (!made.ok()) return made.status();
  const absl::StatusOr<double> found = OpenAlone(**lane, family, series);
  if (!found.ok()) return found.status();
  auto echo = EchoLoad::Start();
  if (!echo.ok()) return echo.status();
  const absl::StatusOr<Samples> echoed = (*echo)->Run(absl::Milliseconds(200));
  if (!echoed.ok()) return echoed.status();
  const absl::StatusOr<double> committed = CommitAlone(series);
  if (!committed.ok()) return committed.status();
  results.new_us.push_back(*made);
  results.found_us.push_back(*found);
  results.echo_us.push_back(echoed->Percentile(0.5));
  results.commit_us.push_back(*committed);
  return absl::OkStatus();
}

absl::StatusOr<Results> MeasureAll(const Flags& flags) {
  const testing::TempDir dir;
  const auto daemon = testing::StartDaemon(
      dir, {"--cpus", absl::StrCat(flags.cpus), "--arena-size", "1GiB", "--log-level", "error",
            "--arena", absl::StrCat("file:", dir.path(), "/arena")});
  if (!daemon.ok()) return daemon.status();
  Results results;
  for (int round = 0; round < flags.rounds; ++round) {
    const absl::Status status =
        MeasureRound(flags, daemon->address, daemon->process.pid(), round, results);
    if (!status.ok()) return status;
    const absl::Status alone = MeasureAlone(flags, daemon->address, round, results);
    if (!alone.ok()) return alone;
  }
  return results;
}

void Print(const Flags& flags, const Results& results) {
  const double new_us = Median(results.new_us);
  const double found_us = Median(results.found_us);
  const double echo_us = Median(results.echo_us);
  const double commit_us = Median(results.commit_us);
  const nlohmann::ordered_json json = {{"rounds", flags.rounds},
                                       {"series", flags.series},
                                       {"batch", flags.batch},
                                       {"cpus", flags.cpus},
                                       {"new_per_second", Median(results.new_per_second)},
                                       {"found_per_second", Median(results.found_per_second)},
                                       {"worker_ms", Median(results.worker_ms)},
                                       {"bytes_per_series", Median(results.bytes_per_series)},
                                       {"alone_new_us", new_us},
                                       {"alone_found_us", found_us},
                                       {"echo_us", echo_us},
                                       {"commit_us", commit_us},
                                       {"new_of_echo_and_commit", new_us / (echo_us + commit_us)},
                                       {"found_of_echo", found_us / echo_us}};
  if (flags.output == "json") {
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << absl::StreamFormat(
      "series/s new %.0f, found %.0f; a new worker with 1000 that are there %.2f ms; "
      "%.0f bytes of the daemon's a series\n",
      Median(results.new_per_second), Median(results.found_per_second), Median(results.worker_ms),
      Median(results.bytes_per_series));
  std::cout << absl::StreamFormat(
      "alone: new %.1f us, x %.2f of an echo (%.1f) and a commit (%.1f); found %.1f us, x %.2f of "
      "an echo\n",
      new_us, new_us / (echo_us + commit_us), echo_us, commit_us, found_us, found_us / echo_us);
}

int Main(int argc, char** argv) {
  // The daemon does the same: the packaged abseil tracks lock order otherwise.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  Flags flags;
  const auto app = testing::MakeApp("Measures how fast series are opened");
  app->add_option("--rounds", flags.rounds, "Rounds to take the median of")
      ->check(CLI::Range(1, 20));
  app->add_option("--series", flags.series, "Series a round")->check(CLI::Range(1, 10000));
  app->add_option("--batch", flags.batch, "Series a request")->check(CLI::Range(1, 1024));
  app->add_option("--cpus", flags.cpus, "Units per area")->check(CLI::Range(1, 4096));
  app->add_flag("--smoke", flags.smoke, "One short round: that it runs, not how fast");
  app->add_option("-o,--output", flags.output)->check(CLI::IsMember({"table", "json"}));
  if (const auto ended = testing::Parse(*app, argc, argv)) return *ended;
  if (flags.smoke) {
    flags.rounds = 1;
    flags.series = 100;
  }
  const absl::StatusOr<Results> results = MeasureAll(flags);
  if (!results.ok()) {
    std::cerr << "bench_series: " << results.status().ToString() << '\n';
    return 1;
  }
  Print(flags, *results);
  return 0;
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}
