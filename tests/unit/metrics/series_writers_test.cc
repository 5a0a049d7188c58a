// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/series_writers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace percpud::metrics {
namespace {

using ::testing::UnorderedElementsAreArray;

SeriesWriter Live() { return {.place = {.cell = PercpuPtr(16), .unit = UnitId(0)}, .label = {}}; }
SeriesWriter Dead(std::uint64_t died_ns, const std::string& label) {
  return {.place = {}, .left = {.value = 1, .timestamp = 1}, .died_ns = died_ns, .label = label};
}

// Any order of births and deaths, against a look at each of all.
TEST(SeriesWritersTest, AgreesWithALookAtEach) {
  struct Known {
    std::string label;
    bool is_live = false;
    std::uint64_t died_ns = 0;
  };
  Bytes record_bytes(7);
  auto writers = std::make_unique<SeriesWriters>(record_bytes);
  std::map<WriterId, Known> known;
  std::mt19937 random(1);
  for (std::uint64_t step = 0; step < 3000; ++step) {
    const WriterId id(random() % 40);
    const std::string label = absl::StrCat("web-", random() % 8);
    switch (random() % 3) {
      case 0:
        if (id == kTheDead) break;
        writers->Put(id, Live(), label);
        known[id] = {.label = label, .is_live = true};
        break;
      case 1:
        writers->Put(id, Dead(step, label), label);
        known[id] = {.label = label, .died_ns = step};
        break;
      default:
        writers->Erase(id);
        known.erase(id);
    }
    std::vector<WriterId> alike;
    SeriesWriters::ByDeath dead;
    Bytes bytes(7);
    for (const auto& [each, row] : known) {
      if (row.label == label) alike.push_back(each);
      if (row.is_live) continue;
      if (each != kTheDead) dead.emplace(row.died_ns, each);
      bytes += RecordBytesOfDead(row.label);
    }
    ASSERT_THAT(writers->ListAlike(label), UnorderedElementsAreArray(alike));
    ASSERT_EQ(writers->dead(), dead);
    ASSERT_EQ(writers->size(), known.size());
    ASSERT_EQ(record_bytes, bytes);
  }
  writers = nullptr;
  EXPECT_EQ(record_bytes, Bytes(7));
}

}  // namespace
}  // namespace percpud::metrics
