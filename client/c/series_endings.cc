// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What becomes of series when they are removed or reset, when a writer is closed and when
// a session ends.

#include <algorithm>

#include "client/c/series_book.h"

namespace percpud::c {

using abi::v1::LaneCells;

bool SeriesBook::IsWith(const percpud_series& series, std::span<const std::string_view> values) {
  return std::equal(series.values.begin(), series.values.end(), values.begin(), values.end());
}

bool SeriesBook::IsGone(const percpud_series& series) {
  if (!series.is_removed) return false;
  const percpud_reading now = percpud_read_series(&series);
  return now.count == series.removed_at.count && now.sum == series.removed_at.sum;
}

void SeriesBook::TakeRemoval(percpud_series& series) {
  series.is_removed = true;
  series.removed_at = percpud_read_series(&series);
}

void SeriesBook::TakeReset(percpud_series& series) {
  if (series.standing == Standing::kOpen) AskFor(series);
}

void SeriesBook::TakeGeneration() {
  ForEach([this](percpud_series& series) {
    series.Zero();
    // What was asked for is answered in its turn.
    if (series.standing == Standing::kOpen) AskFor(series);
  });
}

void SeriesBook::CloseWriter(Writer& writer) {
  writer.number = 0;
  ForEach([&writer](percpud_series& series) {
    if (series.writer != &writer) return;
    if (series.family->shape.cells != LaneCells::kWriter) {
      series.own.store(0, std::memory_order_relaxed);
      return;
    }
    if (series.standing == Standing::kOpen) series.standing = Standing::kClosed;
    series.BeginAnew();
  });
}

void SeriesBook::LeaveCells() {
  for (Writer* writer = &writer_; writer != nullptr; writer = writer->next) writer->number = 0;
  ForEach([](percpud_series& series) { series.LeaveCell(); });
}

void SeriesBook::BeginSession() {
  slot_ = -1;
  slot_label_ = {};
  LeaveCells();
}

}  // namespace percpud::c
