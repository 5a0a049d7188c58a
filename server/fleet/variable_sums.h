// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_VARIABLE_SUMS_H_
#define PERCPUD_SERVER_FLEET_VARIABLE_SUMS_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "percpud/fleet/v1/reading.pb.h"
#include "percpud/v1/reading.pb.h"

namespace percpud::fleet {

// Variables added up over hosts, each by itself. Hosts that have one with another type or size than
// the first are named with it, and are not in its sums. Not thread safe.
class VariableSums {
 public:
  // Variables of all hosts together.
  static constexpr std::size_t kMostVariables = 10'000;
  // Integers of all of them, those of each host among them if they are told.
  static constexpr std::size_t kMostSums = 500'000;

  // What each host has is told, too, if `by_host`.
  explicit VariableSums(bool by_host) : by_host_(by_host) {}

  // Adds what a host has, in all pages of it; nothing of it, if it is refused. Errors:
  // RESOURCE_EXHAUSTED over kMostVariables or kMostSums; DATA_LOSS if it has one twice.
  absl::Status Add(const std::string& host,
                   const std::vector<percpud::v1::ReadVariablesResponse>& pages);
  void WriteTo(v1::SumVariablesResponse& out) const;

 private:
  [[nodiscard]] absl::Status CheckPages(
      const std::vector<percpud::v1::ReadVariablesResponse>& pages, std::size_t& sums) const;
  void AddOne(const std::string& host, const percpud::v1::VariableSums& more);

  const bool by_host_;
  std::map<std::string, v1::SummedVariable> variables_;
  std::size_t sums_ = 0;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_VARIABLE_SUMS_H_
