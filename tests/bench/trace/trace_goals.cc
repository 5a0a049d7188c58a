// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the traces are to show. Ratios are of medians, and of the worst row.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/trace/trace_report.h"

namespace percpud::bench {
namespace {

constexpr std::uint64_t kUnitSize = 64 << 10;

// Null if the row has no such figure.
using FigureOf = std::function<Json(const Json& row)>;

// Adds that of every row that has the figure it is `limit` at most.
void AddLimit(Json& report, const std::string& goal, double limit, const FigureOf& figure) {
  const Json* worst = nullptr;
  double most = 0;
  int rows = 0;
  int within = 0;
  for (const Json& row : report["rows"]) {
    const Json value = row["unit_size"] == kUnitSize ? figure(row) : Json(nullptr);
    if (value.is_null()) continue;
    const auto ratio = value.get<double>();
    ++rows;
    within += ratio <= limit ? 1 : 0;
    if (worst == nullptr || ratio > most) {
      worst = &row;
      most = ratio;
    }
  }
  if (worst == nullptr) return AddGoal(report, goal, "-", std::nullopt);
  const std::string measured = absl::StrFormat("%.2f (%s, %d CPUs), %d of %d rows within", most,
                                               (*worst)["trace"].get<std::string>(),
                                               (*worst)["cpus"].get<int>(), within, rows);
  // Short traces show nothing.
  const bool smoke = report["smoke"].get<bool>();
  AddGoal(report, goal, measured, smoke ? std::nullopt : std::optional<bool>(within == rows));
}

FigureOf ZeroedAt(std::uint32_t cpus, const std::string& key) {
  return [cpus, key](const Json& row) {
    return row["cpus"] == cpus && !row["zeroed"].is_null() ? row["zeroed"][key] : Json(nullptr);
  };
}

}  // namespace

void AddTraceGoals(Json& report) {
  AddLimit(report, "metadata at most 3 times jemalloc on every trace", 3,
           [](const Json& row) { return row["ratio_to_jemalloc"]; });
  AddLimit(report, "metadata at most 2 times jemalloc on cgroup", 2, [](const Json& row) {
    return row["trace"] == "cgroup" ? row["ratio_to_jemalloc"] : Json(nullptr);
  });
  AddLimit(report, "metadata at most 1/4 of the kernel's, each beside jemalloc", 0.25,
           [](const Json& row) { return row["ratio_to_kernel"]; });
  for (const std::uint32_t cpus : {64U, 256U}) {
    const std::string goal =
        absl::StrCat("zeroed at most 1/2 of the kernel's at ", cpus, " CPUs, each beside jemalloc");
    AddLimit(report, goal, 0.5, ZeroedAt(cpus, "ratio_to_kernel"));
    AddLimit(report, goal + ", without the balancer's work", 0.5,
             ZeroedAt(cpus, "caller_ratio_to_kernel"));
  }
  AddLimit(report, "no chunk created while another has room", 0,
           [](const Json& row) { return row["growths_while_room"]; });
}

}  // namespace percpud::bench
