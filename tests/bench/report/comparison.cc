// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/report/comparison.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_format.h"
#include "tests/support/command_line.h"

namespace percpud::bench {

double Median(std::vector<double> series) {
  const auto middle = series.begin() + static_cast<std::ptrdiff_t>(series.size() / 2);
  std::nth_element(series.begin(), middle, series.end());
  return *middle;
}

void Comparison::Add(std::string group, std::string name, Measure measure) {
  rows_.push_back({.group = std::move(group),
                   .name = std::move(name),
                   .measure = std::move(measure),
                   .rounds = {}});
}

void Comparison::Run(int rounds, const Effort& effort) {
  for (int round = 0; round < rounds; ++round) {
    for (Row& row : rows_) row.rounds.push_back(row.measure(effort));
  }
}

const Comparison::Row& Comparison::Ours(const Row& row) const {
  return *std::find_if(rows_.begin(), rows_.end(),
                       [&](const Row& other) { return other.group == row.group; });
}

void Comparison::PrintTable() const {
  const std::string* group = nullptr;
  for (const Row& row : rows_) {
    if (group == nullptr || *group != row.group) {
      std::cout << absl::StreamFormat("%-52s %9s %9s %9s %8s\n", row.group, "median", "min", "max",
                                      "ratio");
    }
    group = &row.group;
    const auto [low, high] = std::minmax_element(row.rounds.begin(), row.rounds.end());
    std::cout << absl::StreamFormat("  %-50s %9.2f %9.2f %9.2f %7.2fx\n", row.name,
                                    Median(row.rounds), *low, *high,
                                    Median(row.rounds) / Median(Ours(row).rounds));
  }
}

void Comparison::PrintJson() const {
  auto json = nlohmann::ordered_json::array();
  for (const Row& row : rows_) {
    const auto [low, high] = std::minmax_element(row.rounds.begin(), row.rounds.end());
    json.push_back({{"group", row.group},
                    {"name", row.name},
                    {"median_ns", Median(row.rounds)},
                    {"min_ns", *low},
                    {"max_ns", *high},
                    {"ratio", Median(row.rounds) / Median(Ours(row).rounds)}});
  }
  std::cout << json.dump(2) << '\n';
}

int RunComparison(int argc, char** argv, const std::string& what, Comparison& comparison) {
  int rounds = 9;
  bool smoke = false;
  std::string output = "table";
  const auto app = testing::MakeApp(what);
  app->add_option("--rounds", rounds, "Medians are over these")->check(CLI::Range(1, 1000));
  app->add_flag("--smoke", smoke, "One short round: that it runs, not how fast");
  app->add_option("-o,--output", output)->check(CLI::IsMember({"table", "json"}));
  if (const auto ended = testing::Parse(*app, argc, argv)) return *ended;
  if (smoke) {
    comparison.Run(1, {.batches = 2, .operations = 1000});
  } else {
    comparison.Run(rounds, {});
  }
  if (output == "json") {
    comparison.PrintJson();
  } else {
    std::cout << "ns per operation; ratio: against the first row of its group\n";
    comparison.PrintTable();
  }
  return 0;
}

}  // namespace percpud::bench
