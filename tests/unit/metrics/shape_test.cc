// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace percpud::metrics {
namespace {

using ::testing::ElementsAre;

TEST(ShapeTest, CellsTakeWhatTheContractSays) {
  Shape shape{.name = "x"};
  EXPECT_EQ(CellBytes(shape), Bytes(8));
  EXPECT_EQ(CellAlignment(shape), Bytes(8));
  shape.bounds = {1, 2};
  shape.type = FamilyType::kHistogram;
  shape.cells = Cells::kHistogram;
  EXPECT_EQ(CellCount(shape), 4U);
  EXPECT_EQ(Buckets(shape), 3U);
  EXPECT_EQ(CellBytes(shape), Bytes(64));
  EXPECT_EQ(CellAlignment(shape), Bytes(16));
  shape.cells = Cells::kSummary;
  EXPECT_EQ(CellBytes(shape), Bytes(16));
  EXPECT_EQ(Buckets(shape), 0U);
}

TEST(ShapeTest, TheHelpTextIsNotPartOfTheShape) {
  const Shape a{.name = "x", .help = "One."};
  Shape b{.name = "x", .help = "Another."};
  EXPECT_TRUE(IsSameShape(a, b));
  b.labels = {"l"};
  EXPECT_FALSE(IsSameShape(a, b));
  b = a;
  b.cells = Cells::kInteger;
  EXPECT_FALSE(IsSameShape(a, b));
  // A mode means something to writers' cells only.
  b = a;
  b.mode.live_only = true;
  EXPECT_TRUE(IsSameShape(a, b));
}

TEST(ShapeTest, AShapeInWordsTellsItsParts) {
  const Shape histogram{.name = "x",
                        .unit = "seconds",
                        .labels = {"a", "b"},
                        .bounds = {0.5, 1},
                        .type = FamilyType::kHistogram,
                        .cells = Cells::kHistogram};
  EXPECT_EQ(Describe(histogram), "histogram in seconds with labels a,b and bounds 0.5,1");
  const Shape gauge{.name = "x",
                    .type = FamilyType::kGauge,
                    .cells = Cells::kWriter,
                    .mode = {.fold = cells::GaugeFold::kMax, .live_only = true}};
  EXPECT_EQ(Describe(gauge), "gauge of mode livemax without labels");
}

TEST(ShapeTest, EachTypeShowsItsNames) {
  EXPECT_THAT(ShownNames({.name = "hits"}), ElementsAre("hits", "hits_total", "hits_created"));
  EXPECT_THAT(ShownNames({.name = "hits_total"}),
              ElementsAre("hits", "hits_total", "hits_created"));
  EXPECT_THAT(ShownNames({.name = "h", .type = FamilyType::kHistogram}),
              ElementsAre("h", "h_bucket", "h_sum", "h_count", "h_created"));
  EXPECT_THAT(ShownNames({.name = "g", .type = FamilyType::kGauge}), ElementsAre("g"));
}

}  // namespace
}  // namespace percpud::metrics
