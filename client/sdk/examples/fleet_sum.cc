// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What all hosts of a fleet have counted under one name, and where a key belongs.
//
//   fleet_sum sold_total users/42       with percpud-fleet at $PERCPUD_AGENT, or the packaged one
//
// The sum is of the hosts that answer; the others are named, and then it exits with 3.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "percpu/fleet.h"

namespace {

constexpr int kUsage = 2;
constexpr int kMissing = 3;

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "fleet_sum: %s\n", status.ToString().c_str());
  return EXIT_FAILURE;
}

int PrintSum(const percpu::Fleet& fleet, const char* name) {
  percpu::SumOptions options;
  options.policy = percpu::SumPolicy::kAvailable;
  const auto sum = fleet.Sum(name, options);
  if (!sum.ok()) return Fail(sum.status());
  for (const auto& [host, value] : sum->by_host) std::printf("%s %g\n", host.c_str(), value);
  std::printf("all %g\n", sum->total);
  for (const percpu::MissingHost& host : sum->round.missing) {
    std::fprintf(stderr, "fleet_sum: without %s: %s\n", host.host.c_str(),
                 host.why.ToString().c_str());
  }
  return sum->round.missing.empty() ? EXIT_SUCCESS : kMissing;
}

int PrintPlace(const percpu::Fleet& fleet, const char* key) {
  const auto placed = fleet.Place(key);
  if (!placed.ok()) return Fail(placed.status());
  for (const std::string& host : placed->hosts) std::printf("%s is on %s\n", key, host.c_str());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: fleet_sum NAME [KEY]\n", stderr);
    return kUsage;
  }
  const auto fleet = percpu::Fleet::Open();
  if (!fleet.ok()) return Fail(fleet.status());
  const int result = PrintSum(*fleet, argv[1]);
  return result == EXIT_SUCCESS && argc > 2 ? PrintPlace(*fleet, argv[2]) : result;
}
