// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/report/neighbours.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <utility>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace percpud::bench {

absl::StatusOr<Waits> MeasureWaits(percpu::Client& client, absl::Duration duration) {
  constexpr std::size_t kLeast = 20;
  std::vector<double> waits;
  const absl::Time end = absl::Now() + duration;
  while (absl::Now() < end || waits.size() < kLeast) {
    const absl::Time asked = absl::Now();
    const auto area = client.Allocate({.size_bytes = 64});
    waits.push_back(absl::ToDoubleMicroseconds(absl::Now() - asked));
    const absl::Status status = area.ok() ? client.Free(*area).status() : area.status();
    if (!status.ok()) return status;
  }
  std::sort(waits.begin(), waits.end());
  return Waits{.p50_us = waits[waits.size() / 2], .p99_us = waits[waits.size() * 99 / 100]};
}

void BeBusy() {
  std::cout << kUnderWay << std::endl;
  for (volatile std::uint64_t count = 0;; count = count + 1) {
  }
}

Neighbours::Neighbours(int count, const std::vector<std::string>& arguments) {
  std::vector<std::string> argv{std::filesystem::canonical("/proc/self/exe").string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  for (int i = 0; i < count; ++i) {
    auto process = testing::Process::Spawn(argv);
    if (process.ok()) processes_.push_back(*std::move(process));
  }
  for (testing::Process& process : processes_) {
    process.WaitForLine(kUnderWay, absl::Seconds(60)).IgnoreError();
  }
}

std::size_t Neighbours::Said(const std::string& line) const {
  std::size_t out = 0;
  for (const testing::Process& process : processes_) {
    const std::string text = process.out();
    const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
    out += static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
  }
  return out;
}

}  // namespace percpud::bench
