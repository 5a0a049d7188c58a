// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/tls/rows.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/report/comparison.h"

namespace percpud::bench {
namespace {

// Half of the series lies between these two.
std::pair<double, double> MiddleHalf(std::vector<double> series) {
  std::sort(series.begin(), series.end());
  const std::size_t quarter = series.size() / 4;
  return {series[quarter], series[series.size() - 1 - quarter]};
}

std::string MiddleHalfInWords(const std::vector<double>& series) {
  const auto [low, high] = MiddleHalf(series);
  return absl::StrFormat("%.2f to %.2f", low, high);
}

std::string GoalOf(const Row& row) {
  if (row.most) return absl::StrCat(row.what, ": at most ", *row.most, " times that ", row.peer);
  return absl::StrCat(row.what, ": no more than that ", row.peer,
                      ", as far as two of those in turn are alike");
}

std::string MeasuredOf(const Row& row) {
  if (!row.missing.empty()) return row.missing;
  if (!row.is_to_cost_nothing) return InWords(row.ratios);
  return absl::StrCat(InWords(row.ratios), ", and half of those are ",
                      MiddleHalfInWords(row.spread), " of the last one");
}

Json SeriesOf(const std::vector<double>& series) {
  if (series.empty()) return nullptr;
  const auto [least, most] = std::minmax_element(series.begin(), series.end());
  return {{"median", Median(series)}, {"least", *least}, {"most", *most}};
}

}  // namespace

void Row::Add(double own, double beside) {
  own_us.push_back(own);
  peer_us.push_back(beside);
  ratios.push_back(own / beside);
}

bool Row::IsReached() const {
  assert(missing.empty());
  const double ratio = Median(ratios);
  if (most) return ratio <= *most;
  if (!is_to_cost_nothing) return true;
  return ratio <= MiddleHalf(spread).second;
}

std::string InWords(const std::vector<double>& series) {
  const auto [least, most] = std::minmax_element(series.begin(), series.end());
  return absl::StrFormat("%.2f [%.2f..%.2f]", Median(series), *least, *most);
}

Json ToJson(const std::vector<Row>& rows, bool smoke) {
  Json out = {{"rows", Json::array()}, {"goals", Json::array()}};
  for (const Row& row : rows) {
    out["rows"].push_back({{"what", row.what},
                           {"peer", row.peer},
                           {"own_us", SeriesOf(row.own_us)},
                           {"peer_us", SeriesOf(row.peer_us)},
                           {"ratio", SeriesOf(row.ratios)},
                           {"peer_by_itself", SeriesOf(row.spread)}});
    if (!row.most && !row.is_to_cost_nothing) continue;
    std::optional<bool> is_reached;
    if (!smoke && row.missing.empty()) is_reached = row.IsReached();
    AddGoal(out, GoalOf(row), MeasuredOf(row), is_reached);
  }
  return out;
}

void PrintTable(const std::vector<Row>& rows) {
  std::cout << absl::StreamFormat("%-52s %9s   %-28s %9s   %-20s %s\n", "", "us", "", "us", "ratio",
                                  "the latter by its last, middle half");
  for (const Row& row : rows) {
    if (!row.missing.empty()) {
      std::cout << absl::StreamFormat("%-52s %s\n", row.what, row.missing);
      continue;
    }
    std::cout << absl::StreamFormat("%-52s %9.0f   %-28s %9.0f   %-20s %s\n", row.what,
                                    Median(row.own_us), row.peer, Median(row.peer_us),
                                    InWords(row.ratios),
                                    row.spread.empty() ? "" : MiddleHalfInWords(row.spread));
  }
}

}  // namespace percpud::bench
