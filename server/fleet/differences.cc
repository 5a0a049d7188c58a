// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/differences.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace percpud::fleet {
namespace {

// A host in a few words.
std::string Words(const v1::Host& host) {
  std::vector<std::string> out;
  out.emplace_back(host.state() == v1::HOST_STATE_LOST ? "lost" : "up");
  if (host.record().serving() == v1::SERVING_DOWN) out.emplace_back("percpud down");
  if (host.has_drain()) out.emplace_back("drained");
  return absl::StrJoin(out, ", ");
}

std::map<std::string, std::string> Hosts(const v1::View& view) {
  std::map<std::string, std::string> out;
  for (const v1::Host& host : view.hosts()) out[host.name()] = Words(host);
  return out;
}

}  // namespace

std::vector<std::string> Differences(const v1::View& before, const v1::View& after,
                                     std::size_t most) {
  std::vector<std::string> out;
  if (before.mass_loss() != after.mass_loss()) {
    out.emplace_back(after.mass_loss()
                         ? "more than half of the hosts were lost at once: taken for a fault of "
                           "etcd; nobody is forgotten, and keys stay where they are"
                         : "the loss of more than half of the hosts is over");
  }
  const auto old_hosts = Hosts(before);
  const auto new_hosts = Hosts(after);
  for (const auto& [name, words] : new_hosts) {
    const auto old = old_hosts.find(name);
    if (old == old_hosts.end()) {
      out.push_back(absl::StrCat("host ", name, " is new: ", words));
    } else if (old->second != words) {
      out.push_back(absl::StrCat("host ", name, ": ", words, "; was ", old->second));
    }
  }
  for (const auto& [name, words] : old_hosts) {
    if (!new_hosts.contains(name)) {
      out.push_back(absl::StrCat("host ", name, " is forgotten; was ", words));
    }
  }
  if (out.size() > most) {
    const std::size_t rest = out.size() - most;
    out.resize(most);
    out.push_back(absl::StrCat("and ", rest, " more"));
  }
  return out;
}

}  // namespace percpud::fleet
