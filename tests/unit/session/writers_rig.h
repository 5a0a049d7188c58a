// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SESSION_WRITERS_RIG_H_
#define PERCPUD_TESTS_UNIT_SESSION_WRITERS_RIG_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/cells/fold.h"
#include "server/session/series/writer_cells.h"
#include "tests/unit/session/restart_rig.h"

namespace percpud::testing {

using cells::GaugeFold;
using cells::GaugeMode;
using metrics::FamilyType;
using metrics::Shape;
using metrics::WriterCell;

inline Shape Gauge(absl::string_view name, GaugeMode mode) {
  return {.name = std::string(name),
          .type = FamilyType::kGauge,
          .cells = metrics::Cells::kWriter,
          .mode = mode};
}
inline constexpr GaugeMode kMax{.fold = GaugeFold::kMax};
inline constexpr GaugeMode kAll{.fold = GaugeFold::kAll};
inline constexpr GaugeMode kLiveSum{.fold = GaugeFold::kSum, .live_only = true};

// Sessions that set gauges, and what a reader sees of them.
class MetricsWritersTest : public RestartTest {
 protected:
  absl::StatusOr<Opening> OpenGauge(const Caller& caller, const Shape& shape,
                                    absl::string_view label = "", bool slot = false) {
    const std::string values;
    OpeningWanted wanted{.name_space = "shop", .families = {}, .writer = label, .slot = slot};
    wanted.families.push_back({.shape = shape, .series = {values}});
    return sessions_->metrics().Open(caller, wanted);
  }
  Opening MustOpen(const Caller& caller, const Shape& shape, absl::string_view label = "",
                   bool slot = false) {
    absl::StatusOr<Opening> opened = OpenGauge(caller, shape, label, slot);
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return {};
    EXPECT_TRUE(opened->series[0].status.ok()) << opened->series[0].status;
    return *std::move(opened);
  }
  struct Row {
    std::string family;
    WriterId writer;
    std::string label;
    metrics::SeriesWriter of;
    WriterCell cell;
  };
  std::vector<Row> Rows() {
    std::vector<Row> out;
    std::string family;
    const auto page = sessions_->metrics().ReadSeries(
        {.name_space = "shop"},
        [&](const metrics::Family& of, const metrics::Series& series) {
          family = series.hidden ? "-" + of.shape.name : of.shape.name;
          return true;
        },
        [&](WriterId id, const metrics::SeriesWriter& of, absl::string_view label) {
          out.push_back({.family = family,
                         .writer = id,
                         .label = std::string(label),
                         .of = of,
                         .cell = of.left});
          return true;
        });
    EXPECT_TRUE(page.ok() || absl::IsNotFound(page.status())) << page.status();
    for (Row& row : out) {
      if (row.of.IsLive()) row.cell = ReadCell(*allocator_, row.of.place);
    }
    return out;
  }
  // "family[label]=value", and a + behind what is of a live writer.
  std::vector<std::string> Shown() {
    std::vector<std::string> out;
    for (const Row& row : Rows()) {
      if (!cells::IsSet(row.cell)) continue;
      out.push_back(absl::StrCat(row.family, "[", row.label, "]=", row.cell.value,
                                 row.of.IsLive() ? "+" : ""));
    }
    return out;
  }
  // Stores what the client would that was told the pointer.
  void Set(const OpenedSeries& series, double value, double timestamp) {
    int found = 0;
    for (const Row& row : Rows()) {
      if (!row.of.IsLive()) continue;
      if (PointerOfCell(allocator_->info(), row.of.place) != series.cells) continue;
      StoreCell(*allocator_, row.of.place, {.value = value, .timestamp = timestamp});
      ++found;
    }
    EXPECT_EQ(found, 1);
  }
  // Time passes as it does under a reaper that runs.
  void Pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(absl::Seconds(1));
      sessions_->ReapExpired();
    }
  }
  Usage UseOf(SessionId id) {
    const auto list = sessions_->List(id, 1);
    return list.empty() ? Usage{} : list[0].use;
  }
  std::uint64_t LiveAreas() { return Inspector(*allocator_).GetStats().nr_cur_alloc; }
  void ExpectSound() {
    const auto areas = sessions_->CheckInvariants();
    EXPECT_TRUE(areas.ok()) << areas.status();
  }
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_SESSION_WRITERS_RIG_H_
