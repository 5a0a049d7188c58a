// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/rendezvous.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace percpud::fleet {
namespace {

constexpr int kKeys = 200;

std::vector<Candidate> Hosts(std::size_t count, double weight = 1) {
  std::vector<Candidate> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back({absl::StrCat("host-", i), weight});
  return out;
}

std::string Key(int number) { return absl::StrCat("shard/", number); }

std::string Best(const std::string& key, const std::vector<Candidate>& hosts) {
  return Rank(key, hosts, 1).at(0);
}

// Between 1 and 40 hosts of weights between a half and eight.
std::vector<Candidate> AnyHosts() {
  std::vector<Candidate> out = Hosts(*rc::gen::inRange<std::size_t>(1, 40));
  for (Candidate& each : out) each.weight = 0.5 * *rc::gen::inRange(1, 17);
  return out;
}

TEST(RendezvousTest, RanksEachHostOnceBestFirst) {
  const auto hosts = Hosts(5);
  const auto ranked = Rank("key", hosts, 9);
  EXPECT_THAT(ranked,
              ::testing::UnorderedElementsAre("host-0", "host-1", "host-2", "host-3", "host-4"));
  for (std::size_t most = 0; most <= 5; ++most) {
    EXPECT_EQ(Rank("key", hosts, most),
              std::vector(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(most)));
  }
  EXPECT_THAT(Rank("key", {}, 3), ::testing::IsEmpty());
}

// Another version of percpud, or another host, has to place alike.
TEST(RendezvousTest, StaysAsItIs) {
  const auto hosts = Hosts(4);
  EXPECT_THAT(Rank("users/42", hosts, 4),
              ::testing::ElementsAre("host-1", "host-0", "host-3", "host-2"));
  EXPECT_EQ(EpochOf(hosts), "7e5b6d0c252b55d2");
}

RC_GTEST_PROP(RendezvousProperty, TheOrderOfHostsDoesNotMatter, ()) {
  std::vector<Candidate> hosts = AnyHosts();
  const std::string key = *rc::gen::arbitrary<std::string>();
  const auto ranked = Rank(key, hosts, hosts.size());
  std::reverse(hosts.begin(), hosts.end());
  RC_ASSERT(Rank(key, hosts, hosts.size()) == ranked);
}

RC_GTEST_PROP(RendezvousProperty, AHostThatGoesTakesNoKeyButItsOwnAlong, ()) {
  std::vector<Candidate> hosts = AnyHosts();
  const std::vector<Candidate> before = hosts;
  const auto gone = *rc::gen::inRange<std::size_t>(0, hosts.size());
  const std::string name = hosts[gone].name;
  hosts.erase(hosts.begin() + static_cast<std::ptrdiff_t>(gone));
  for (int i = 0; i < kKeys; ++i) {
    // What is left of the ranking is as it was: the next best takes the place.
    std::vector<std::string> rest = Rank(Key(i), before, before.size());
    std::erase(rest, name);
    RC_ASSERT(Rank(Key(i), hosts, hosts.size()) == rest);
  }
}

RC_GTEST_PROP(RendezvousProperty, AHostThatGainsWeightOnlyGainsKeys, ()) {
  const std::vector<Candidate> before = AnyHosts();
  std::vector<Candidate> after = before;
  Candidate& heavier = after[*rc::gen::inRange<std::size_t>(0, after.size())];
  heavier.weight *= 1.5;
  for (int i = 0; i < kKeys; ++i) {
    const std::string now = Best(Key(i), after);
    RC_ASSERT(now == heavier.name || now == Best(Key(i), before));
  }
}

TEST(RendezvousTest, KeysAreSharedByWeight) {
  const std::vector<Candidate> hosts = {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 0.5}};
  constexpr int kMany = 65000;
  std::map<std::string, int> owned;
  for (int i = 0; i < kMany; ++i) ++owned[Best(Key(i), hosts)];
  for (const Candidate& host : hosts) {
    EXPECT_NEAR(owned[host.name], kMany * host.weight / 6.5, 0.01 * kMany) << host.name;
  }
}

TEST(RendezvousTest, ASixthHostTakesASixthOfTheKeys) {
  const auto five = Hosts(5);
  const auto six = Hosts(6);
  constexpr int kMany = 10000;
  int moved = 0;
  for (int i = 0; i < kMany; ++i) moved += Best(Key(i), five) == Best(Key(i), six) ? 0 : 1;
  EXPECT_NEAR(moved, kMany / 6.0, 0.03 * kMany);
}

TEST(RendezvousTest, EpochsDifferWithNamesAndWeights) {
  EXPECT_EQ(EpochOf(Hosts(3)), EpochOf(Hosts(3)));
  EXPECT_NE(EpochOf(Hosts(3)), EpochOf(Hosts(4)));
  EXPECT_NE(EpochOf(Hosts(3)), EpochOf(Hosts(3, 2)));
  EXPECT_EQ(EpochOf({}).size(), 16);
}

}  // namespace
}  // namespace percpud::fleet
