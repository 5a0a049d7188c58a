// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/trace_compare.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/comparison.h"
#include "tests/bench/kernel_figures.h"
#include "tests/bench/malloc_peers.h"
#include "tests/bench/two_threads.h"

namespace percpud::bench {
namespace {

constexpr std::array<const char*, 8> kKinds{"counters", "mixed",    "churn",  "frag",
                                            "cgroup",   "powerlaw", "phases", "aligned"};
constexpr std::array<const char*, 2> kSmokeKinds{"cgroup", "frag"};
// These are replayed by two threads too.
constexpr std::array<absl::string_view, 3> kThreadedKinds{"churn", "mixed", "cgroup"};
constexpr std::size_t kSmokeOperations = 2000;

struct Config {
  std::uint32_t cpus;
  std::uint64_t unit_size;
};
constexpr std::array<Config, 5> kConfigs{
    {{2, 64 << 10}, {16, 64 << 10}, {64, 64 << 10}, {256, 64 << 10}, {16, 1 << 20}}};

using Samples = std::vector<double>;

struct PeerSamples {
  Samples cold;
  Samples warm;
  // Wall and processor time of one thread, alone and beside another.
  std::array<Samples, 4> threads;
};

struct Results {
  std::string kind;
  std::size_t operations = 0;
  std::array<Samples, kConfigs.size()> ours;
  std::array<Samples, kConfigs.size()> backing;
  std::map<std::uint64_t, Fullness> fullness_by_unit_size;
  std::map<std::string, PeerSamples> peers;
  std::array<Samples, 4> threads;
};

// One kind of trace, and what there is to do with it in a round.
class Comparer {
 public:
  Comparer(const CompareOptions& options, const std::string& dir, const std::string& kind)
      : options_(options), first_(dir + "/" + kind), results_{.kind = kind} {
    const bool threaded = options.smoke || std::find(kThreadedKinds.begin(), kThreadedKinds.end(),
                                                     kind) != kThreadedKinds.end();
    if (threaded) second_ = first_ + ".second";
  }

  absl::StatusOr<Results> Run();

 private:
  absl::Status Generate(const std::string& file, std::uint32_t seed) const;
  [[nodiscard]] absl::StatusOr<Trace> Read(const std::string& file) const;
  [[nodiscard]] ReplayOptions At(const Config& config) const;
  absl::Status RunOurs(std::size_t config);
  absl::Status RunPeer(const Peer& peer);
  absl::Status RunThreads();
  absl::StatusOr<ThreadTiming> TimeTogether(const std::vector<const Trace*>& traces) const;

  const CompareOptions& options_;
  std::string first_;
  // Empty if this kind is not replayed by two threads.
  std::string second_;
  Trace trace_;
  Trace second_trace_;
  Results results_;
};

absl::Status Comparer::Generate(const std::string& file, std::uint32_t seed) const {
  const auto made = testing::RunToEnd({"/usr/bin/env", "python3", PERCPUD_TRACE_GENERATOR,
                                       results_.kind, file, absl::StrCat(seed)});
  if (!made.ok()) return made.status();
  if (made->exit_code != 0) return absl::InternalError(made->err);
  return absl::OkStatus();
}

absl::StatusOr<Trace> Comparer::Read(const std::string& file) const {
  auto trace = percpu::ReadTrace(file);
  if (trace.ok() && options_.smoke) trace->resize(std::min(trace->size(), kSmokeOperations));
  return trace;
}

ReplayOptions Comparer::At(const Config& config) const {
  ReplayOptions replay = options_.replay;
  replay.cpus = config.cpus;
  replay.unit_size = config.unit_size;
  return replay;
}

absl::Status Comparer::RunOurs(std::size_t config) {
  const absl::StatusOr<Timing> timing = TimeReplay(At(kConfigs[config]), trace_);
  if (!timing.ok()) return timing.status();
  results_.ours[config].push_back(timing->ns_per_op);
  results_.backing[config].push_back(timing->backing_ns_per_op);
  return absl::OkStatus();
}

absl::Status Comparer::RunPeer(const Peer& peer) {
  const auto run =
      RunUnder(peer, {"--measure", peer.name, "--trace", first_, "--second", second_,
                      "--operations", absl::StrCat(options_.smoke ? kSmokeOperations : SIZE_MAX)});
  if (!run.ok()) return run.status();
  if (run->exit_code != 0) return absl::InternalError(absl::StrCat(peer.name, ": ", run->err));
  const auto json = nlohmann::json::parse(run->out);
  if (json.is_null()) return absl::OkStatus();
  PeerSamples& samples = results_.peers[peer.name];
  samples.cold.push_back(json["cold"]);
  for (const double warm : json["warm"]) samples.warm.push_back(warm);
  if (!json.contains("threads")) return absl::OkStatus();
  for (std::size_t i = 0; i < samples.threads.size(); ++i) {
    samples.threads[i].push_back(json["threads"][i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<ThreadTiming> Comparer::TimeTogether(const std::vector<const Trace*>& traces) const {
  auto pass = Pass::Make(At(kConfigs[1]));
  if (!pass.ok()) return pass.status();
  std::vector<std::vector<PercpuPtr>> pointers;
  for (const Trace* trace : traces) pointers.emplace_back(trace->size());
  std::vector<absl::Status> statuses(traces.size());
  const ThreadTiming timing =
      TimeThreads(traces, [&](const percpu::TraceOp& op, std::size_t thread) {
        if (absl::Status status = (*pass)->Run(op, pointers[thread]); !status.ok()) {
          statuses[thread] = std::move(status);
        }
      });
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return timing;
}

absl::Status Comparer::RunThreads() {
  const auto alone = TimeTogether({&trace_});
  if (!alone.ok()) return alone.status();
  const auto together = TimeTogether({&trace_, &second_trace_});
  if (!together.ok()) return together.status();
  results_.threads[0].push_back(alone->wall_ns_per_op);
  results_.threads[1].push_back(together->wall_ns_per_op);
  results_.threads[2].push_back(alone->cpu_ns_per_op);
  results_.threads[3].push_back(together->cpu_ns_per_op);
  return absl::OkStatus();
}

absl::StatusOr<Results> Comparer::Run() {
  absl::Status status = Generate(first_, options_.seed);
  if (status.ok() && !second_.empty()) status = Generate(second_, options_.seed + 1);
  if (!status.ok()) return status;
  auto trace = Read(first_);
  auto second = second_.empty() ? Trace() : Read(second_);
  if (!trace.ok() || !second.ok()) return trace.ok() ? second.status() : trace.status();
  trace_ = *std::move(trace);
  second_trace_ = *std::move(second);
  results_.operations = trace_.size();
  for (const Config& config : kConfigs) {
    if (results_.fullness_by_unit_size.contains(config.unit_size)) continue;
    const auto fullness = MeasureFullness(At(config), trace_, "");
    if (!fullness.ok()) return fullness.status();
    results_.fullness_by_unit_size[config.unit_size] = *fullness;
  }
  // A noisy moment hits us and the peers alike.
  for (int round = 0; round < options_.rounds; ++round) {
    for (std::size_t i = 0; status.ok() && i < kConfigs.size(); ++i) {
      status = RunOurs(i);
      if (status.ok() && i < kMallocPeers.size()) status = RunPeer(kMallocPeers[i]);
    }
    if (status.ok() && !second_.empty()) status = RunThreads();
  }
  if (!status.ok()) return status;
  return std::move(results_);
}

// --- What is printed: one report, as JSON; the table is made from it --------------

using Json = nlohmann::ordered_json;

Json Figure(const Samples& samples) {
  return samples.empty() ? Json(nullptr) : Json(Median(samples));
}
Json Ratio(const Json& ours, const Json& theirs) {
  return theirs.is_null() ? Json(nullptr) : Json(ours.get<double>() / theirs.get<double>());
}

// The kernel's figures for a row; null if there are none.
Json KernelRow(const std::string& kind, const Config& config, bool zeroed) {
  const auto ns = KernelNs(kind, config.cpus, config.unit_size, zeroed);
  if (!ns) return nullptr;
  const KernelFigures& kernel = *KernelOn(kind);
  return {{"ns_per_op", *ns},
          {"ratio_to_jemalloc_at_16_cpus", kernel.beside_jemalloc / kernel.jemalloc},
          {"mean_utilisation", kernel.mean_utilisation},
          {"chunks_peak", kernel.chunks_peak},
          {"chunks_created", kernel.chunks_created}};
}

Json ReportRow(const Results& results, std::size_t at, bool zeroed) {
  const Config& config = kConfigs[at];
  const Fullness& fullness = results.fullness_by_unit_size.at(config.unit_size);
  const auto [low, high] = std::minmax_element(results.ours[at].begin(), results.ours[at].end());
  Json row = {{"trace", results.kind},
              {"operations", results.operations},
              {"cpus", config.cpus},
              {"unit_size", config.unit_size},
              {"ns_per_op_median", Median(results.ours[at])},
              {"ns_per_op_min", *low},
              {"ns_per_op_max", *high},
              {"backing_ns_per_op_median", Median(results.backing[at])},
              {"mean_utilisation", fullness.mean_utilisation},
              {"final_utilisation", fullness.final_utilisation},
              {"chunks_peak", fullness.chunks_peak},
              {"chunks_created", fullness.chunks_created},
              {"chunks_created_ahead", fullness.chunks_created_ahead},
              {"growths_while_room", fullness.growths_while_room}};
  for (const Peer& peer : kMallocPeers) {
    const auto samples = results.peers.find(peer.name);
    const bool is_there = samples != results.peers.end();
    row[peer.name] = is_there ? Figure(samples->second.warm) : Json(nullptr);
    row[absl::StrCat(peer.name, "_cold")] = is_there ? Figure(samples->second.cold) : Json(nullptr);
  }
  row["ratio_to_jemalloc"] = Ratio(row["ns_per_op_median"], row["jemalloc"]);
  row["ratio_to_jemalloc_cold"] = Ratio(row["ns_per_op_median"], row["jemalloc_cold"]);
  row["kernel"] = KernelRow(results.kind, config, zeroed);
  return row;
}

Json ThreadRow(const std::string& kind, const std::string& who,
               const std::array<Samples, 4>& samples) {
  return {{"trace", kind},
          {"who", who},
          {"wall_ns_per_op_one_thread", Median(samples[0])},
          {"wall_ns_per_op_two_threads", Median(samples[1])},
          {"wall_slowdown", Median(samples[1]) / Median(samples[0])},
          {"cpu_ns_per_op_one_thread", Median(samples[2])},
          {"cpu_ns_per_op_two_threads", Median(samples[3])},
          {"cpu_slowdown", Median(samples[3]) / Median(samples[2])}};
}

void AddToReport(const Results& results, bool zeroed, bool smoke, Json& report) {
  for (std::size_t at = 0; at < kConfigs.size(); ++at) {
    report["rows"].push_back(ReportRow(results, at, zeroed));
    // Its figures are of whole traces.
    if (smoke) report["rows"].back()["kernel"] = nullptr;
  }
  if (results.threads[0].empty()) return;
  Json& threads = report["two_threads"];
  threads.push_back(ThreadRow(results.kind, "percpud", results.threads));
  for (const auto& [peer, samples] : results.peers) {
    threads.push_back(ThreadRow(results.kind, peer, samples.threads));
  }
}

std::string Cell(const Json& value, int precision) {
  return value.is_null() ? "-" : absl::StrFormat("%.*f", precision, value.get<double>());
}

std::string KernelCell(const Json& row, const std::string& key, int precision) {
  return row["kernel"].is_null() ? "-" : Cell(row["kernel"][key], precision);
}

void PrintRow(const Json& row) {
  std::cout << absl::StrFormat(
      "%-9s %4d %5dK %8s %8s %6s %6s %8s %8s | %7s %7s | %6s %6s | %4d/%-4d %8s\n",
      row["trace"].get<std::string>(), row["cpus"].get<int>(), row["unit_size"].get<int>() / 1024,
      Cell(row["ns_per_op_median"], 1), Cell(row["jemalloc"], 1), Cell(row["ratio_to_jemalloc"], 2),
      Cell(row["ratio_to_jemalloc_cold"], 2), Cell(row["tcmalloc_minimal"], 1),
      Cell(row["glibc"], 1), KernelCell(row, "ns_per_op", 0),
      KernelCell(row, "ratio_to_jemalloc_at_16_cpus", 1), Cell(row["mean_utilisation"], 3),
      KernelCell(row, "mean_utilisation", 3), row["chunks_peak"].get<int>(),
      row["chunks_created"].get<int>(),
      row["kernel"].is_null() ? "-"
                              : absl::StrCat(row["kernel"]["chunks_peak"].get<int>(), "/",
                                             row["kernel"]["chunks_created"].get<int>()));
}

void PrintTable(const Json& report) {
  std::cout << absl::StrFormat(
      "%s, ns of processor time per operation; ratio: to jemalloc, warm and cold (first pass)\n"
      "%-9s %4s %6s %8s %8s %6s %6s %8s %8s | %7s %7s | %6s %6s | %9s %8s\n",
      report["zeroed"].get<bool>() ? "with zeroing" : "metadata only", "trace", "CPUs", "unit",
      "percpud", "jemalloc", "ratio", "cold", "tcmalloc", "glibc", "kernel*", "ratio*", "util",
      "kern.*", "peak/made", "kernel*");
  for (const Json& row : report["rows"]) PrintRow(row);
  std::cout << "*: " << report["kernel_source"].get<std::string>() << '\n';
  std::cout << absl::StrFormat("\n%-9s %-17s | %8s %8s %8s | %8s %8s %8s\n", "2 threads",
                               "ns per operation", "wall 1T", "wall 2T", "slower", "CPU 1T",
                               "CPU 2T", "slower");
  for (const Json& row : report["two_threads"]) {
    std::cout << absl::StrFormat(
        "%-9s %-17s | %8s %8s %8s | %8s %8s %8s\n", row["trace"].get<std::string>(),
        row["who"].get<std::string>(), Cell(row["wall_ns_per_op_one_thread"], 1),
        Cell(row["wall_ns_per_op_two_threads"], 1), Cell(row["wall_slowdown"], 2),
        Cell(row["cpu_ns_per_op_one_thread"], 1), Cell(row["cpu_ns_per_op_two_threads"], 1),
        Cell(row["cpu_slowdown"], 2));
  }
}

}  // namespace

absl::Status CompareTraces(const CompareOptions& options) {
  const testing::TempDir dir;
  Json report = {{"unit", "ns of processor time per operation, medians"},
                 {"zeroed", !options.replay.no_zero},
                 {"seed", options.seed},
                 {"rounds", options.rounds},
                 {"kernel_source", "Linux 6.1, km, seed 1, measured on another machine"},
                 {"rows", Json::array()},
                 {"two_threads", Json::array()}};
  std::vector<std::string> kinds(kKinds.begin(), kKinds.end());
  if (options.smoke) kinds.assign(kSmokeKinds.begin(), kSmokeKinds.end());
  for (const std::string& kind : kinds) {
    const absl::StatusOr<Results> results = Comparer(options, dir.path(), kind).Run();
    if (!results.ok()) return results.status();
    AddToReport(*results, !options.replay.no_zero, options.smoke, report);
  }
  if (!options.json_file.empty()) {
    std::ofstream file(options.json_file);
    if (!(file << report.dump(2) << '\n')) {
      return absl::UnavailableError(absl::StrCat("cannot write ", options.json_file));
    }
  }
  if (options.json) {
    std::cout << report.dump(2) << '\n';
  } else {
    PrintTable(report);
  }
  return absl::OkStatus();
}

}  // namespace percpud::bench
