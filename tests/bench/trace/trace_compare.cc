// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/trace/trace_compare.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bench/report/malloc_peers.h"
#include "tests/bench/report/report.h"
#include "tests/bench/trace/trace_report.h"
#include "tests/bench/trace/trace_results.h"
#include "tests/bench/trace/two_threads.h"

namespace percpud::bench {
namespace {

constexpr std::array<const char*, 8> kKinds{"counters", "mixed",    "churn",  "frag",
                                            "cgroup",   "powerlaw", "phases", "aligned"};
constexpr std::array<const char*, 2> kSmokeKinds{"cgroup", "frag"};
// These are replayed by two threads too.
constexpr std::array<absl::string_view, 3> kThreadedKinds{"churn", "mixed", "cgroup"};
constexpr std::size_t kSmokeOperations = 2000;

// A cell is zeroed in every round until its passes have taken so much processor
// time, and once in any case: one pass of `mixed` at 256 CPUs clears 130 GiB.
constexpr double kZeroedBudgetNs = 1e9;

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
  [[nodiscard]] ReplayOptions At(const Config& config, bool zeroed) const;
  absl::StatusOr<Timing> RunOurs(std::size_t config, bool zeroed, PassSamples& samples) const;
  absl::Status RunZeroed(std::size_t config);
  absl::Status RunRound();
  absl::Status RunPeer(const Peer& peer);
  absl::Status RunThreads();
  absl::StatusOr<ThreadTiming> TimeTogether(const std::vector<const Trace*>& traces) const;

  const CompareOptions& options_;
  std::string first_;
  // Empty if this kind is not replayed by two threads.
  std::string second_;
  Trace trace_;
  Trace second_trace_;
  // Processor time spent so far.
  std::array<double, kZeroedConfigs> zeroed_ns_{};
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

ReplayOptions Comparer::At(const Config& config, bool zeroed) const {
  ReplayOptions replay = options_.replay;
  replay.cpus = config.cpus;
  replay.unit_size = config.unit_size;
  replay.no_zero = !zeroed;
  return replay;
}

absl::StatusOr<Timing> Comparer::RunOurs(std::size_t config, bool zeroed,
                                         PassSamples& samples) const {
  const auto passes = TimeReplay(At(kConfigs[config], zeroed), trace_, zeroed ? 0 : kWarmPasses);
  if (!passes.ok()) return passes.status();
  AddPasses(*passes, samples);
  return passes->front();
}

absl::Status Comparer::RunZeroed(std::size_t config) {
  if (zeroed_ns_[config] >= kZeroedBudgetNs) return absl::OkStatus();
  const auto timing = RunOurs(config, /*zeroed=*/true, results_.zeroed[config]);
  if (!timing.ok()) return timing.status();
  zeroed_ns_[config] +=
      (timing->ns_per_op + timing->backing_ns_per_op) * static_cast<double>(trace_.size());
  const auto clearing = TimeClearing(At(kConfigs[config], /*zeroed=*/true), trace_);
  if (!clearing.ok()) return clearing.status();
  results_.clearing[config].push_back(*clearing);
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
  auto pass = Pass::Make(At(kConfigs[1], /*zeroed=*/false));
  if (!pass.ok()) return pass.status();
  std::vector<std::vector<PercpuPtr>> pointers;
  pointers.reserve(traces.size());
  for (const Trace* trace : traces) pointers.emplace_back(trace->size());
  std::vector<absl::Status> statuses(traces.size());
  const ThreadTiming timing =
      TimeThreads(traces, pointers, [&](const percpu::TraceOp& op, std::size_t thread) {
        (*pass)->Run(op, pointers[thread], statuses[thread]);
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

// A noisy moment hits us and the peers alike.
absl::Status Comparer::RunRound() {
  absl::Status status;
  for (std::size_t i = 0; status.ok() && i < kConfigs.size(); ++i) {
    status = RunOurs(i, /*zeroed=*/false, results_.metadata[i]).status();
    if (status.ok() && i < kMallocPeers.size()) status = RunPeer(kMallocPeers[i]);
    if (status.ok() && i < kZeroedConfigs && !options_.replay.no_zero) status = RunZeroed(i);
  }
  if (status.ok() && !second_.empty()) status = RunThreads();
  return status;
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
    const auto fullness = MeasureFullness(At(config, /*zeroed=*/false), trace_, "");
    if (!fullness.ok()) return fullness.status();
    results_.fullness_by_unit_size[config.unit_size] = *fullness;
  }
  for (int round = 0; status.ok() && round < options_.rounds; ++round) status = RunRound();
  if (!status.ok()) return status;
  return std::move(results_);
}

}  // namespace

absl::Status CompareTraces(const CompareOptions& options) {
  const testing::TempDir dir;
  std::vector<std::string> kinds(kKinds.begin(), kKinds.end());
  if (options.smoke) kinds.assign(kSmokeKinds.begin(), kSmokeKinds.end());
  std::vector<Results> results;
  for (const std::string& kind : kinds) {
    absl::StatusOr<Results> measured = Comparer(options, dir.path(), kind).Run();
    if (!measured.ok()) return measured.status();
    results.push_back(*std::move(measured));
  }
  const nlohmann::ordered_json report = MakeReport(options, results);
  if (!options.json_file.empty()) {
    if (absl::Status status = WriteReport(report, options.json_file); !status.ok()) return status;
  }
  if (options.json) {
    std::cout << report.dump(2) << '\n';
  } else {
    PrintReport(report);
  }
  return absl::OkStatus();
}

}  // namespace percpud::bench
