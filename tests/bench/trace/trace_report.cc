// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/trace/trace_report.h"

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/report/malloc_peers.h"
#include "tests/bench/trace/kernel_figures.h"

namespace percpud::bench {
namespace {

Json Figure(const Samples& samples) {
  return samples.empty() ? Json(nullptr) : Json(Median(samples));
}
Json Ratio(const Json& ours, const Json& theirs) {
  return ours.is_null() || theirs.is_null() ? Json(nullptr)
                                            : Json(ours.get<double>() / theirs.get<double>());
}

// The kernel's figures for a row; null if there are none.
Json KernelRow(const std::string& kind, const Config& config) {
  const auto metadata = KernelNs(kind, config.cpus, config.unit_size, /*zeroed=*/false);
  const auto zeroed = KernelNs(kind, config.cpus, config.unit_size, /*zeroed=*/true);
  const auto at_16 = KernelNs(kind, 16, config.unit_size, /*zeroed=*/false);
  if (!metadata || !zeroed || !at_16) return nullptr;
  const KernelFigures& kernel = *KernelOn(kind);
  const double beside_jemalloc = kernel.beside_jemalloc / kernel.jemalloc;
  // Zeroing was not measured in the run that had jemalloc: what it adds to the
  // metadata work is taken from the run that had both.
  return {{"ns_per_op", *metadata},
          {"ratio_to_jemalloc_at_16_cpus", beside_jemalloc},
          {"zeroed_ns_per_op", *zeroed},
          {"zeroed_ratio_to_jemalloc", beside_jemalloc * *zeroed / *at_16},
          {"mean_utilisation", kernel.mean_utilisation},
          {"chunks_peak", kernel.chunks_peak},
          {"chunks_created", kernel.chunks_created}};
}

Json KernelFigure(const Json& row, const std::string& key) {
  return row["kernel"].is_null() ? Json(nullptr) : row["kernel"][key];
}

// With zeroing, in the row of the same trace and number of CPUs; null if nothing
// was zeroed.
Json ZeroedOf(const Results& results, std::size_t at, const Json& row) {
  if (at >= kZeroedConfigs || results.zeroed[at].all.empty()) return nullptr;
  const PassSamples& samples = results.zeroed[at];
  const auto [low, high] = std::minmax_element(samples.all.begin(), samples.all.end());
  Json zeroed = {{"rounds", samples.all.size()},
                 {"ns_per_op_median", Median(samples.all)},
                 {"ns_per_op_min", *low},
                 {"ns_per_op_max", *high},
                 {"balancer_ns_per_op_median", Median(samples.balancer)},
                 {"backing_ns_per_op_median", Median(samples.backing)},
                 {"memset_alone_ns_per_op_median", Figure(results.clearing[at])}};
  // No reference: what is added to an ordered object moves what is in it.
  const Json ns = zeroed["ns_per_op_median"];
  zeroed["ratio_to_memset_alone"] = Ratio(ns, zeroed["memset_alone_ns_per_op_median"]);
  zeroed["ratio_to_jemalloc"] = Ratio(ns, row["jemalloc"]);
  zeroed["ratio_to_kernel"] =
      Ratio(zeroed["ratio_to_jemalloc"], KernelFigure(row, "zeroed_ratio_to_jemalloc"));
  const double caller = ns.get<double>() - zeroed["balancer_ns_per_op_median"].get<double>();
  zeroed["caller_ratio_to_kernel"] =
      Ratio(Ratio(caller, row["jemalloc"]), KernelFigure(row, "zeroed_ratio_to_jemalloc"));
  zeroed["ratio_to_kernel_in_ns"] = Ratio(ns, KernelFigure(row, "zeroed_ns_per_op"));
  return zeroed;
}

void AddPeers(const Results& results, Json& row) {
  for (const Peer& peer : kMallocPeers) {
    const auto samples = results.peers.find(peer.name);
    const bool is_there = samples != results.peers.end();
    row[peer.name] = is_there ? Figure(samples->second.warm) : Json(nullptr);
    row[absl::StrCat(peer.name, "_cold")] = is_there ? Figure(samples->second.cold) : Json(nullptr);
  }
}

Json ReportRow(const Results& results, std::size_t at, bool smoke) {
  const Config& config = kConfigs[at];
  const Fullness& fullness = results.fullness_by_unit_size.at(config.unit_size);
  const PassSamples& ours = results.metadata[at];
  const auto [low, high] = std::minmax_element(ours.all.begin(), ours.all.end());
  Json row = {{"trace", results.kind},
              {"operations", results.operations},
              {"cpus", config.cpus},
              {"unit_size", config.unit_size},
              {"ns_per_op_median", Median(ours.all)},
              {"ns_per_op_min", *low},
              {"ns_per_op_max", *high},
              {"warm_ns_per_op_median", Median(ours.warm)},
              {"backing_ns_per_op_median", Median(ours.backing)},
              {"mean_utilisation", fullness.mean_utilisation},
              {"final_utilisation", fullness.final_utilisation},
              {"chunks_peak", fullness.chunks_peak},
              {"chunks_created", fullness.chunks_created},
              {"chunks_created_ahead", fullness.chunks_created_ahead},
              {"growths_while_room", fullness.growths_while_room}};
  AddPeers(results, row);
  row["ratio_to_jemalloc"] = Ratio(row["warm_ns_per_op_median"], row["jemalloc"]);
  row["ratio_to_jemalloc_cold"] = Ratio(row["ns_per_op_median"], row["jemalloc_cold"]);
  // Its figures are of whole traces.
  row["kernel"] = smoke ? Json(nullptr) : KernelRow(results.kind, config);
  row["ratio_to_kernel"] =
      Ratio(row["ratio_to_jemalloc"], KernelFigure(row, "ratio_to_jemalloc_at_16_cpus"));
  row["zeroed"] = ZeroedOf(results, at, row);
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

void AddToReport(const Results& results, bool smoke, Json& report) {
  for (std::size_t at = 0; at < kConfigs.size(); ++at) {
    report["rows"].push_back(ReportRow(results, at, smoke));
  }
  if (results.threads[0].empty()) return;
  Json& threads = report["two_threads"];
  threads.push_back(ThreadRow(results.kind, "percpud", results.threads));
  for (const auto& [peer, samples] : results.peers) {
    threads.push_back(ThreadRow(results.kind, peer, samples.threads));
  }
}

// --- The tables ------------------------------------------------------------------

std::string Cell(const Json& value, int precision) {
  return value.is_null() ? "-" : absl::StrFormat("%.*f", precision, value.get<double>());
}

std::string KernelCell(const Json& row, const std::string& key, int precision) {
  return Cell(KernelFigure(row, key), precision);
}

void PrintMetadata(const Json& report) {
  std::cout << absl::StrFormat(
      "metadata only, ns of processor time per operation, warm; cold: of the first pass of a new "
      "allocator or process;\nratio: to jemalloc, warm to warm and cold to cold; x kernel: our "
      "warm "
      "ratio to the kernel's\n"
      "%-9s %4s %6s %8s %8s %8s %8s %6s %6s %8s %8s | %7s %7s %8s | %6s %6s | %9s %8s\n",
      "trace", "CPUs", "unit", "percpud", "cold", "jemalloc", "cold", "ratio", "cold", "tcmalloc",
      "glibc", "kernel*", "ratio*", "x kernel", "util", "kern.*", "peak/made", "kernel*");
  for (const Json& row : report["rows"]) {
    const Json& kernel = row["kernel"];
    std::cout << absl::StrFormat(
        "%-9s %4d %5dK %8s %8s %8s %8s %6s %6s %8s %8s | %7s %7s %8s | %6s %6s | %4d/%-4d %8s\n",
        row["trace"].get<std::string>(), row["cpus"].get<int>(), row["unit_size"].get<int>() / 1024,
        Cell(row["warm_ns_per_op_median"], 1), Cell(row["ns_per_op_median"], 1),
        Cell(row["jemalloc"], 1), Cell(row["jemalloc_cold"], 1), Cell(row["ratio_to_jemalloc"], 2),
        Cell(row["ratio_to_jemalloc_cold"], 2), Cell(row["tcmalloc_minimal"], 1),
        Cell(row["glibc"], 1), KernelCell(row, "ns_per_op", 0),
        KernelCell(row, "ratio_to_jemalloc_at_16_cpus", 1), Cell(row["ratio_to_kernel"], 2),
        Cell(row["mean_utilisation"], 3), KernelCell(row, "mean_utilisation", 3),
        row["chunks_peak"].get<int>(), row["chunks_created"].get<int>(),
        kernel.is_null() ? "-"
                         : absl::StrCat(kernel["chunks_peak"].get<int>(), "/",
                                        kernel["chunks_created"].get<int>()));
  }
}

void PrintZeroed(const Json& report) {
  if (!report["zeroed"].get<bool>()) return;
  std::cout << absl::StrFormat(
      "\nwith zeroing, ns of processor time per operation, %s\n"
      "memset: the same areas cleared in every unit, and nothing else (a sample of at most 4 GiB)\n"
      "%-9s %4s %7s | %8s %8s %8s | %8s %8s | %8s %8s | %8s %8s %8s\n",
      report["zeroed_rounds"].get<std::string>(), "trace", "CPUs", "rounds", "percpud", "balancer",
      "+backing", "memset", "x memset", "kernel*", "in ns", "ratio", "x kernel", "caller's");
  for (const Json& row : report["rows"]) {
    const Json& zeroed = row["zeroed"];
    if (zeroed.is_null()) continue;
    std::cout << absl::StrFormat(
        "%-9s %4d %7d | %8s %8s %8s | %8s %8s | %8s %8s | %8s %8s %8s\n",
        row["trace"].get<std::string>(), row["cpus"].get<int>(), zeroed["rounds"].get<int>(),
        Cell(zeroed["ns_per_op_median"], 0), Cell(zeroed["balancer_ns_per_op_median"], 0),
        Cell(zeroed["backing_ns_per_op_median"], 0),
        Cell(zeroed["memset_alone_ns_per_op_median"], 0), Cell(zeroed["ratio_to_memset_alone"], 2),
        KernelCell(row, "zeroed_ns_per_op", 0), Cell(zeroed["ratio_to_kernel_in_ns"], 2),
        Cell(zeroed["ratio_to_jemalloc"], 1), Cell(zeroed["ratio_to_kernel"], 2),
        Cell(zeroed["caller_ratio_to_kernel"], 2));
  }
  std::cout
      << "balancer: of percpud's, the balancer's work, which in the daemon is another thread's; "
         "caller's: x kernel without it;\n+backing: besides, the system's; in ns: to the kernel's "
         "nanoseconds on its machine; ratio: to jemalloc, that clears nothing\n";
}

void PrintThreads(const Json& report) {
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

Json MakeReport(const CompareOptions& options, const std::vector<Results>& results) {
  Json report = {{"unit", "ns of processor time per operation, medians"},
                 {"zeroed", !options.replay.no_zero},
                 {"zeroed_rounds",
                  absl::StrFormat("at most %d rounds: none is begun once those before took 1 s",
                                  options.rounds)},
                 {"smoke", options.smoke},
                 {"seed", options.seed},
                 {"rounds", options.rounds},
                 {"kernel_source", "Linux 6.1, km, seed 1, measured on another machine"},
                 {"rows", Json::array()},
                 {"two_threads", Json::array()},
                 {"goals", Json::array()}};
  for (const Results& each : results) AddToReport(each, options.smoke, report);
  AddTraceGoals(report);
  return report;
}

void PrintReport(const Json& report) {
  PrintMetadata(report);
  PrintZeroed(report);
  std::cout << "*: " << report["kernel_source"].get<std::string>()
            << "; its ratio is to jemalloc there, ours to jemalloc here, x kernel their quotient\n";
  PrintThreads(report);
  std::cout << '\n';
  PrintGoals(report);
}

}  // namespace percpud::bench
