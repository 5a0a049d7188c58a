// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/report/report.h"

#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"

namespace percpud::bench {

void AddGoal(Json& report, const std::string& goal, const std::string& measured,
             std::optional<bool> met) {
  report["goals"].push_back(
      {{"goal", goal}, {"measured", measured}, {"met", met ? Json(*met) : Json(nullptr)}});
}

void PrintGoals(const Json& report) {
  for (const Json& goal : report["goals"]) {
    const Json& met = goal["met"];
    std::cout << "goal: " << goal["goal"].get<std::string>()
              << "; measured: " << goal["measured"].get<std::string>() << "; "
              << (met.is_null()     ? "not measured"
                  : met.get<bool>() ? "met"
                                    : "not met")
              << '\n';
  }
}

absl::Status PrintGoalsOf(const std::vector<std::string>& files) {
  for (const std::string& name : files) {
    std::ifstream file(name);
    const Json report = Json::parse(file, nullptr, /*allow_exceptions=*/false);
    if (!report.is_object() || !report.contains("goals")) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is no report with goals"));
    }
    PrintGoals(report);
  }
  return absl::OkStatus();
}

absl::Status WriteReport(const Json& report, const std::string& file) {
  std::ofstream out(file);
  if (out << report.dump(2) << '\n' << std::flush) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", file));
}

}  // namespace percpud::bench
