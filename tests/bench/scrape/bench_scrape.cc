// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A scrape of many counters: the exporter's page of one namespace, made in this process from
// a daemon's arena, beside the least that it can take, which is one pass over the cells and
// the text with everything but the numbers ready, and beside prometheus-cpp, whose counters are
// in this process. All are measured in turn, round after round; figures are medians.
//
// Then as many workers as --deaths says attach, open a series each, and are killed; and the
// page is made again.

#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "client/c/percpud.h"
#include "client/c/reader.h"
#include "client/exporter/scrape.h"
#include "server/cells/sum.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/rpc/lane_load.h"
#include "tests/support/command_line.h"
#include "tests/support/process.h"

namespace percpud::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kNamespace[] = "bench";
// The daemon's default for a family.
constexpr int kSeriesPerFamily = 10000;
constexpr int kPatienceMs = 120'000;

struct Flags {
  int series = 100000;
  int cpus = 2;
  int rounds = 15;
  int deaths = 1000;
  bool smoke = false;
  std::string output = "table";
};

std::string FamilyName(int series) {
  return absl::StrCat("http_requests_", series / kSeriesPerFamily, "_total");
}
std::string PathOf(int series) { return absl::StrFormat("/api/v1/items/%06d", series); }
double ValueOf(int series) { return 1 + series * 1.25; }

// Does the work once before it is timed: where the one before has given its memory back to the
// system, the first one is slow; in life each has a process of its own.
double MillisecondsOf(const std::function<void()>& work) {
  work();
  const Clock::time_point began = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
}

// Opens the series and counts in each. The client is left open: its series stay anyway.
absl::Status Count(const std::string& address, int series) {
  percpud_options options{};
  options.size = sizeof(options);
  options.address = address.c_str();
  options.name_space = kNamespace;
  const std::unique_ptr<percpud_client, decltype(&percpud_close)> client(percpud_open_as(&options),
                                                                         &percpud_close);
  percpud_family* family = nullptr;
  std::string name;
  const std::array<const char*, 2> labels{"method", "path"};
  for (int i = 0; i < series; ++i) {
    if (i % kSeriesPerFamily == 0) {
      name = FamilyName(i);
      percpud_family_options counter{};
      counter.size = sizeof(counter);
      counter.name = name.c_str();
      counter.help = "Requests that were answered.";
      counter.type = PERCPUD_COUNTER;
      counter.label_names = labels.data();
      counter.label_count = labels.size();
      family = percpud_family_open(client.get(), &counter);
    }
    const std::string path = PathOf(i);
    const std::array<const char*, 2> values{"GET", path.c_str()};
    percpud_add(percpud_series_open(family, values.data()), ValueOf(i));
  }
  if (percpud_wait(client.get(), kPatienceMs) == 1) return absl::OkStatus();
  return absl::DeadlineExceededError("the series are not shared in time");
}

// The least: cells summed in runs, and lines that are ready but for their numbers.
class Floor {
 public:
  // Errors: UNAVAILABLE.
  absl::Status Prepare(const std::string& address) {
    reader_ = std::make_unique<c::Reader>(address.c_str(), kNamespace);
    if (!reader_->Refresh(c::LaneLink::NowNs() + std::int64_t{kPatienceMs} * 1'000'000)) {
      return absl::UnavailableError(reader_->reason());
    }
    const c::Snapshot& names = reader_->snapshot();
    for (const c::FamilyRow& family : names.families.all()) {
      for (const auto& row : names.series.all().subspan(family.series.first, family.series.count)) {
        lines_.append(names.text(family.name)).append("{");
        lines_.append(names.text(row.labels)).append("} ");
        ends_.push_back(lines_.size());
        pointers_.push_back(row.pointer);
      }
    }
    totals_.resize(pointers_.size());
    text_.resize(lines_.size() + pointers_.size() * 32);
    return absl::OkStatus();
  }
  void Make() {
    Sum();
    char* at = text_.data();
    std::size_t begin = 0;
    for (std::size_t i = 0; i < totals_.size(); ++i) {
      std::memcpy(at, lines_.data() + begin, ends_[i] - begin);
      at += ends_[i] - begin;
      begin = ends_[i];
      at = std::to_chars(at, at + 31, totals_[i]).ptr;
      *at++ = '\n';
    }
    bytes_ = static_cast<std::size_t>(at - text_.data());
  }
  void Sum() {
    const c::Arena& arena = *reader_->arena();
    const cells::UnitOffsets units(arena.backed, arena.backed_count);
    for (std::size_t begin = 0; begin < pointers_.size();) {
      std::size_t end = begin + 1;
      while (end < pointers_.size() && pointers_[end] == pointers_[end - 1] + sizeof(double)) ++end;
      cells::SumRun<double>(arena.base + pointers_[begin], units,
                            std::span(totals_).subspan(begin, end - begin));
      begin = end;
    }
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::unique_ptr<c::Reader> reader_;
  std::string lines_;
  std::vector<std::size_t> ends_;
  std::vector<std::uint64_t> pointers_;
  std::vector<double> totals_;
  std::string text_;
  std::size_t bytes_ = 0;
};

class Peer {
 public:
  explicit Peer(int series) {
    prometheus::Family<prometheus::Counter>* family = nullptr;
    for (int i = 0; i < series; ++i) {
      if (i % kSeriesPerFamily == 0) {
        family = &prometheus::BuildCounter()
                      .Name(FamilyName(i))
                      .Help("Requests that were answered.")
                      .Register(registry_);
      }
      family->Add({{"method", "GET"}, {"path", PathOf(i)}}).Increment(ValueOf(i));
    }
  }
  std::size_t Make() { return prometheus::TextSerializer().Serialize(registry_.Collect()).size(); }

 private:
  prometheus::Registry registry_;
};

struct Results {
  std::vector<double> page_ms;
  std::vector<double> floor_ms;
  std::vector<double> pass_ms;
  std::vector<double> peer_ms;
  std::vector<double> after_ms;
  double page_bytes = 0;
  double daemon_us = 0;
};

// One worker after the other: each attaches, has a series of its own, and is killed.
absl::Status Die(const std::string& address, int deaths) {
  for (int i = 0; i < deaths; ++i) {
    const pid_t worker = fork();
    if (worker < 0) return absl::InternalError("fork");
    if (worker == 0) {
      const auto lane = LaneLoad::Open(address);
      const bool opened = lane.ok() && (*lane)->OpenSeries("requests", i % 100, 1).ok();
      if (opened) raise(SIGKILL);
      _exit(1);
    }
    int status = 0;
    if (waitpid(worker, &status, 0) != worker || !WIFSIGNALED(status)) {
      return absl::InternalError("a worker could not attach");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Results> Measure(const Flags& flags) {
  const testing::TempDir dir;
  const auto daemon = testing::StartDaemon(
      dir, {"--cpus", absl::StrCat(flags.cpus), "--arena-size", "2GiB", "--log-level", "error"});
  if (!daemon.ok()) return daemon.status();
  if (const auto status = Count(daemon->address, flags.series); !status.ok()) return status;
  Floor floor;
  if (const auto status = floor.Prepare(daemon->address); !status.ok()) return status;
  Peer peer(flags.series);
  exporter::Scrape scrape({.address = daemon->address});
  Results out;
  const std::string path = absl::StrCat("/metrics/", kNamespace);
  const auto page = [&] {
    out.page_bytes = static_cast<double>(
        scrape.Answer({.path = path, .accept = "text/plain", .accept_encoding = ""}).body.size());
  };
  // The first one reads the names.
  page();
  floor.Make();
  if (out.page_bytes < static_cast<double>(floor.bytes())) {
    return absl::InternalError("the page is short");
  }
  const absl::StatusOr<double> began_us = ProcessorMicros(daemon->process.pid());
  for (int i = 0; i < flags.rounds; ++i) {
    out.page_ms.push_back(MillisecondsOf(page));
    out.floor_ms.push_back(MillisecondsOf([&] { floor.Make(); }));
    out.pass_ms.push_back(MillisecondsOf([&] { floor.Sum(); }));
    out.peer_ms.push_back(MillisecondsOf([&] { peer.Make(); }));
  }
  const absl::StatusOr<double> ended_us = ProcessorMicros(daemon->process.pid());
  if (!began_us.ok() || !ended_us.ok()) return ended_us.status();
  out.daemon_us = (*ended_us - *began_us) / (2.0 * flags.rounds);
  if (const auto status = Die(daemon->address, flags.deaths); !status.ok()) return status;
  page();
  for (int i = 0; i < flags.rounds; ++i) out.after_ms.push_back(MillisecondsOf(page));
  return out;
}

void Print(const Flags& flags, const Results& results) {
  const double page = Median(results.page_ms);
  const double floor = Median(results.floor_ms);
  const double peer = Median(results.peer_ms);
  const double after = Median(results.after_ms);
  const nlohmann::ordered_json json = {{"series", flags.series},
                                       {"cpus", flags.cpus},
                                       {"rounds", flags.rounds},
                                       {"page_ms", page},
                                       {"page_bytes", results.page_bytes},
                                       {"pass_and_text_ms", floor},
                                       {"pass_ms", Median(results.pass_ms)},
                                       {"prometheus_cpp_ms", peer},
                                       {"of_pass_and_text", page / floor},
                                       {"of_prometheus_cpp", page / peer},
                                       {"deaths", flags.deaths},
                                       {"page_after_deaths_ms", after},
                                       {"daemon_us_a_page", results.daemon_us}};
  if (flags.output == "json") {
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << absl::StreamFormat(
      "%d series, %d units: page %.2f ms (%.1f MB); one pass and the text %.2f ms, of it the pass "
      "%.2f: x %.2f; prometheus-cpp %.1f ms: x %.3f; after %d deaths %.2f ms; the daemon's CPU "
      "%.0f us a page\n",
      flags.series, flags.cpus, page, results.page_bytes / 1e6, floor, Median(results.pass_ms),
      page / floor, peer, page / peer, flags.deaths, after, results.daemon_us);
}

int Main(int argc, char** argv) {
  // The daemon does the same: the packaged abseil tracks lock order otherwise.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  Flags flags;
  const auto app = testing::MakeApp("Measures a scrape of many series");
  app->add_option("--series", flags.series, "Counters")->check(CLI::Range(1, 200000));
  app->add_option("--cpus", flags.cpus, "Units of the arena")->check(CLI::Range(1, 4096));
  app->add_option("--rounds", flags.rounds, "Rounds to take the median of")
      ->check(CLI::Range(1, 100));
  app->add_option("--deaths", flags.deaths, "Workers that are killed before the last pages");
  app->add_flag("--smoke", flags.smoke, "One short round: that it runs, not how fast");
  app->add_option("-o,--output", flags.output)->check(CLI::IsMember({"table", "json"}));
  if (const auto ended = testing::Parse(*app, argc, argv)) return *ended;
  if (flags.smoke) {
    flags.series = 500;
    flags.rounds = 1;
    flags.deaths = 3;
  }
  const absl::StatusOr<Results> results = Measure(flags);
  if (!results.ok()) {
    std::cerr << "bench_scrape: " << results.status().ToString() << '\n';
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
