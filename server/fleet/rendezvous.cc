// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/rendezvous.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace percpud::fleet {
namespace {

struct Scored {
  double score;
  const std::string* name;

  friend bool operator<(const Scored& a, const Scored& b) {
    return std::pair(-a.score, *a.name) < std::pair(-b.score, *b.name);
  }
};

// A number between 0 and 1, and neither of them, evenly spread over keys.
double Spread(absl::string_view key, absl::string_view name) {
  const std::uint64_t hash =
      XXH64(key.data(), key.size(), XXH64(name.data(), name.size(), /*seed=*/0));
  constexpr int kLowBits = 11;
  return (static_cast<double>(hash >> kLowBits) + 0.5) * 0x1p-53;
}

}  // namespace

std::vector<std::string> Rank(absl::string_view key, std::span<const Candidate> candidates,
                              std::size_t most) {
  std::vector<Scored> scored;
  scored.reserve(candidates.size());
  for (const Candidate& each : candidates) {
    // The highest of these is the candidate's with the probability of its share of all weights.
    scored.push_back({-each.weight / std::log(Spread(key, each.name)), &each.name});
  }
  most = std::min(most, scored.size());
  std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(most),
                    scored.end());
  std::vector<std::string> out;
  for (std::size_t i = 0; i < most; ++i) out.push_back(*scored[i].name);
  return out;
}

std::string EpochOf(std::span<const Candidate> candidates) {
  std::string text;
  for (const Candidate& each : candidates) {
    absl::StrAppendFormat(&text, "%s=%.17g\n", each.name, each.weight);
  }
  return absl::StrFormat("%016x", XXH64(text.data(), text.size(), /*seed=*/0));
}

}  // namespace percpud::fleet
