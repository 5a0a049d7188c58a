// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Figures beside their peers', from one run. Nanoseconds on a shared machine
// say little; the ratio to a peer that was measured in turn, round after round,
// says more. A group's first row is ours, and the others are divided by it.

#ifndef PERCPUD_TESTS_BENCH_REPORT_COMPARISON_H_
#define PERCPUD_TESTS_BENCH_REPORT_COMPARISON_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace percpud::bench {

// How long to measure. The smoke form only shows that it runs.
struct Effort {
  // Stretches that are timed, and operations in each.
  int batches = 25;
  int operations = 200'000;
};

// Not thread safe.
class Comparison {
 public:
  // Nanoseconds per operation. Called once a round.
  using Measure = std::function<double(const Effort&)>;

  void Add(std::string group, std::string name, Measure measure);
  // All rows in turn, `rounds` times.
  void Run(int rounds, const Effort& effort);
  void PrintTable() const;
  void PrintJson() const;

 private:
  struct Row {
    std::string group;
    std::string name;
    Measure measure;
    std::vector<double> rounds;
  };
  // The first row of a row's group.
  [[nodiscard]] const Row& Ours(const Row& row) const;

  std::vector<Row> rows_;
};

// REQUIRES: not empty.
double Median(std::vector<double> series);

// The main function of a benchmark: --rounds, --smoke, -o table|json.
int RunComparison(int argc, char** argv, const std::string& what, Comparison& comparison);

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_REPORT_COMPARISON_H_
