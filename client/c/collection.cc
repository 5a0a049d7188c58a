// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/collection.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "client/c/gauge.h"

namespace {

using percpud::abi::v1::LaneCells;
using percpud::abi::v1::LaneFamilyType;
using percpud::abi::v1::LaneFold;
using percpud::c::FamilyRow;
using percpud::c::SeriesBook;
using percpud::c::SeriesRow;
using percpud::c::Snapshot;
using percpud::c::Totals;
namespace cells = percpud::cells;

percpud_fold FoldOf(const FamilyRow& family) {
  if (family.type != LaneFamilyType::kGauge) return static_cast<percpud_fold>(0);
  switch (family.cells) {
    case LaneCells::kShared:
      return PERCPUD_FOLD_SHARED;
    case LaneCells::kWriter:
      return static_cast<percpud_fold>(family.fold);
    default:
      // Numbers of CPUs are added up.
      return PERCPUD_FOLD_SUM;
  }
}

uint32_t FlagsOf(const FamilyRow& family) {
  const bool integers = family.cells == LaneCells::kInteger;
  return (family.live_only ? PERCPUD_LIVE_ONLY : 0U) | (integers ? PERCPUD_INTEGER : 0U);
}

}  // namespace

// What the arena holds.
struct percpud_collection::Shared {
  Totals totals;
  const Snapshot& snapshot;
  percpud_collection& out;

  bool Begin(const FamilyRow& family) { return totals.Sum(family); }
  [[nodiscard]] bool IsShown(const SeriesRow& series, std::size_t index) const {
    return !series.is_hidden || !totals.IsStill(series, index);
  }
  void Put(const FamilyRow& family, const SeriesRow& series, std::size_t index,
           percpud_series_view& view, std::span<std::uint64_t> buckets) {
    switch (family.cells) {
      case LaneCells::kInteger:
        view.count = totals.integer(index);
        view.value = static_cast<double>(view.count);
        break;
      case LaneCells::kDouble:
        view.value = totals.number(index);
        break;
      case LaneCells::kShared:
        view.value = totals.ReadShared(series);
        break;
      case LaneCells::kSummary:
        view.count = totals.pair(index).count;
        view.value = totals.pair(index).sum;
        break;
      case LaneCells::kHistogram: {
        const Totals::Distribution shown = totals.distribution(index);
        std::copy(shown.cumulative.begin(), shown.cumulative.end(), buckets.begin());
        view.count = buckets.back();
        view.value = shown.sum;
        break;
      }
      case LaneCells::kWriter:
        out.PutWriters(snapshot, series, &totals, view);
        if (family.fold != LaneFold::kAll) view.value = totals.Fold(family, series).value;
        break;
    }
  }
};

// What this process has counted. The snapshot was made of its book, series by series.
struct percpud_collection::Local {
  const Snapshot& snapshot;
  percpud_collection& out;
  // The same series as the snapshot's rows.
  struct Of {
    const percpud_series* series;
  };
  percpud::c::Growing<Of> rows;

  static bool Begin(const FamilyRow& /*family*/) { return true; }
  static bool IsShown(const SeriesRow& /*series*/, std::size_t /*index*/) { return true; }
  void Put(const FamilyRow& family, const SeriesRow& row, std::size_t index,
           percpud_series_view& view, std::span<std::uint64_t> buckets) {
    const percpud_series& one = *rows[family.series.first + index].series;
    const percpud_reading read = percpud_read_series(&one);
    view.count = read.count;
    view.value = read.sum;
    for (std::size_t bucket = 0, count = 0; bucket < buckets.size(); ++bucket) {
      count += one.pairs[bucket + 1].count.load(std::memory_order_relaxed);
      buckets[bucket] = count;
    }
    if (family.cells != LaneCells::kWriter) return;
    out.PutWriters(snapshot, row, nullptr, view);
    if (family.fold == LaneFold::kAll) view.value = 0;
  }
};

percpud_series_view percpud_collection::ViewOf(const FamilyRow& family, const SeriesRow& row) {
  percpud_series_view out{};
  out.label_values = names_.all().data() + row.values.first;
  out.created_ns = row.created_ns;
  out.is_set = 1;
  if (family.cells == LaneCells::kHistogram) {
    out.bucket_count = static_cast<uint32_t>(family.bounds.count + 1);
    out.buckets = buckets_.all().data() + buckets_used_;
    buckets_used_ += out.bucket_count;
  }
  return out;
}

void percpud_collection::PutWriters(const Snapshot& snapshot, const SeriesRow& row,
                                    const Totals* totals, percpud_series_view& out) {
  const auto rows = snapshot.writers.all().subspan(row.writers.first, row.writers.count);
  out.is_set = 0;
  out.writers = writers_.all().data() + writers_used_;
  for (const percpud::c::WriterRow& writer : rows) {
    const cells::WriterCell cell = totals == nullptr ? writer.cell : totals->Read(writer);
    if (!cells::IsSet(cell)) continue;
    out.is_set = 1;
    // What the dead have left together has no label.
    if (!writer.is_live && writer.label.bytes == 0) continue;
    writers_[writers_used_++] = {.label = text(writer.label),
                                 .value = cell.value,
                                 .timestamp = cell.timestamp,
                                 .is_live = writer.is_live ? 1 : 0};
    ++out.writer_count;
  }
}

bool percpud_collection::Prepare(const Snapshot& snapshot) {
  assert(families_.size() == 0);
  std::size_t buckets = 0;
  for (const FamilyRow& family : snapshot.families.all()) {
    const bool histogram = family.cells == LaneCells::kHistogram;
    if (histogram) buckets += (family.bounds.count + std::size_t{1}) * family.series.count;
  }
  texts_.Append(snapshot.texts.view());
  if (!texts_.ok() || !names_.Resize(snapshot.names.size()) ||
      !bounds_.Append(snapshot.bounds.all()) || !series_.Resize(snapshot.series.size()) ||
      !writers_.Resize(snapshot.writers.size()) || !buckets_.Resize(buckets)) {
    return false;
  }
  std::size_t used = 0;
  for (const auto& name : snapshot.names.all()) names_[used++] = text(name);
  return true;
}

template <typename Numbers>
bool percpud_collection::FillFamily(const Snapshot& snapshot, const FamilyRow& row,
                                    Numbers& numbers) {
  if (!numbers.Begin(row)) return false;
  percpud_family_view out{};
  out.name = text(row.name);
  out.help = text(row.help);
  out.unit = text(row.unit);
  out.type = static_cast<percpud_type>(row.type);
  out.fold = FoldOf(row);
  out.flags = FlagsOf(row);
  out.label_count = row.label_names.count;
  out.label_names = names_.all().data() + row.label_names.first;
  out.bounds = bounds_.all().data() + row.bounds.first;
  out.bound_count = row.bounds.count;
  out.refused = row.refused;
  out.overflowed = row.overflowed;
  out.created_ns = row.created_ns;
  out.series = series_.all().data() + series_used_;
  std::size_t i = 0;
  for (const SeriesRow& series :
       snapshot.series.all().subspan(row.series.first, row.series.count)) {
    const std::size_t at = i++;
    if (!numbers.IsShown(series, at)) continue;
    percpud_series_view view = ViewOf(row, series);
    const std::size_t begin = buckets_used_ - view.bucket_count;
    numbers.Put(row, series, at, view, buckets_.all().subspan(begin, view.bucket_count));
    series_[series_used_++] = view;
    ++out.series_count;
  }
  return families_.Append(out);
}

template <typename Numbers>
bool percpud_collection::FillFrom(const Snapshot& snapshot, const char* only, Numbers& numbers) {
  if (!Prepare(snapshot)) return false;
  for (const FamilyRow& row : snapshot.families.all()) {
    if (only != nullptr && snapshot.text(row.name) != only) continue;
    if (!FillFamily(snapshot, row, numbers)) return false;
  }
  return true;
}

bool percpud_collection::Fill(const Snapshot& snapshot, const percpud::c::Arena& arena,
                              const char* only) {
  Shared numbers{.totals = Totals(snapshot, arena), .snapshot = snapshot, .out = *this};
  return FillFrom(snapshot, only, numbers);
}

bool percpud_collection::FillLocal(const percpud::c::SeriesBook& book, const char* only,
                                   std::string_view writer) {
  Snapshot snapshot;
  Local numbers{.snapshot = snapshot, .out = *this, .rows = {}};
  bool fits = true;
  book.ForEachFamily([&](const percpud_family& family) {
    fits = fits && snapshot.AppendLocal(family.shape);
    if (!fits) return;
    const std::size_t row = snapshot.families.size() - 1;
    book.ForEach([&](const percpud_series& series) {
      if (!fits || series.family != &family || SeriesBook::IsGone(series)) return;
      const char* const label = series.writer->label;
      const percpud::abi::v1::WriterCell cell{.value = percpud::c::ReadBits(series.own),
                                              .timestamp = percpud::c::ReadBits(series.set_at)};
      fits = snapshot.AppendLocal(row, series.values, label == nullptr ? writer : label, cell) &&
             numbers.rows.Append(Local::Of{&series});
    });
  });
  if (!fits || !FillFrom(snapshot, only, numbers)) return false;
  for (percpud_family_view& family : families_.all()) family.flags |= PERCPUD_IS_LOCAL;
  return true;
}
