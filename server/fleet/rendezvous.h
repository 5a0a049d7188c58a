// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Weighted rendezvous hashing: every host has a score for every key, and a key belongs to the
// hosts whose scores are highest. A host that goes takes no key but its own along, and a host
// that comes takes keys from the others and moves none between them. There is no state.

#ifndef PERCPUD_SERVER_FLEET_RENDEZVOUS_H_
#define PERCPUD_SERVER_FLEET_RENDEZVOUS_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace percpud::fleet {

// A host that keys may be placed on.
struct Candidate {
  std::string name;
  // Its share of the keys beside the others'. Above 0.
  double weight = 1;

  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// Returns the names of the `most` best hosts for `key`, best first. The order of `candidates`
// does not matter. The result is the same on every host and for every version of percpud.
std::vector<std::string> Rank(absl::string_view key, std::span<const Candidate> candidates,
                              std::size_t most);

// Names a set of candidates, in 16 hexadecimal digits. REQUIRES: they are in the names' order.
std::string EpochOf(std::span<const Candidate> candidates);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_RENDEZVOUS_H_
