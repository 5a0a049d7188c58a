// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/expiry.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "server/session/series/slice.h"
#include "server/session/series/sums.h"
#include "server/session/series/writer_cells.h"

namespace percpud {
namespace {

using metrics::CountSum;

// Looks in a family's time to live: a series is removed up to a part of it late.
constexpr int kLooks = 8;
constexpr absl::Duration kSoonest = absl::Seconds(1);
// Series that are copied under the books' lock at a time.
constexpr std::size_t kSlice = 1024;

}  // namespace

std::vector<SeriesExpiry::IdleFamily> SeriesExpiry::Look(BootTime now) {
  Follow();
  std::vector<IdleFamily> out;
  while (!turns_.empty() && turns_.begin()->first <= now) {
    const FamilyId id = turns_.begin()->second;
    turns_.erase(turns_.begin());
    const auto family = families_.find(id);
    // Forgotten meanwhile.
    if (family == families_.end()) continue;
    turns_.emplace(now + std::max(kSoonest, family->second.ttl / kLooks), id);
    LookAt(id, family->second, now, out);
  }
  return out;
}

void SeriesExpiry::Follow() {
  books_.Read([this](const Tables& tables) {
    if (tables.metrics.expiring_changes() == followed_) return;
    followed_ = tables.metrics.expiring_changes();
    absl::flat_hash_map<FamilyId, Family> followed;
    for (const FamilyId id : tables.metrics.expiring()) {
      const auto known = families_.find(id);
      if (known != families_.end()) {
        followed.emplace(id, std::move(known->second));
        continue;
      }
      const metrics::Family& row = *tables.metrics.Find(id);
      followed.emplace(id, Family{.name_space = tables.metrics.Find(row.name_space)->name,
                                  .ttl = absl::Seconds(row.ttl_seconds),
                                  .shape = row.shape,
                                  .series = {}});
      turns_.emplace(BootTime::InfinitePast(), id);
    }
    families_ = std::move(followed);
  });
}

std::vector<SeriesExpiry::Row> SeriesExpiry::ListRows(FamilyId id) const {
  std::vector<Row> out;
  SeriesId from;
  for (bool more = true; more;) {
    more = books_.Read([&](const Tables& tables) {
      const metrics::Family* const family = tables.metrics.Find(id);
      if (family == nullptr) return false;
      std::size_t looked_at = 0;
      for (auto row = family->series.lower_bound(from); row != family->series.end(); ++row) {
        if (looked_at++ == kSlice) return true;
        from = SeriesId(row->first.value() + 1);
        const metrics::Series& series = *row->second;
        if (series.retired) continue;
        Row& copy = out.emplace_back();
        copy.series = series.id;
        copy.cells = series.cells;
        copy.hidden = series.hidden;
        if (series.hidden && series.baseline != nullptr) {
          copy.baseline = std::make_unique<std::vector<CountSum>>(*series.baseline);
        }
        CopyWriters(series, copy.left, copy.live);
      }
      return false;
    });
  }
  return out;
}

std::optional<std::vector<CountSum>> SeriesExpiry::Sum(const metrics::Shape& shape,
                                                       const Row& row) const {
  if (metrics::HasArea(shape.cells)) {
    absl::StatusOr<std::vector<CountSum>> sums = SumCells(allocator_, shape, row.cells);
    if (!sums.ok()) return std::nullopt;
    return *std::move(sums);
  }
  std::vector<CountSum> out = row.left;
  for (const metrics::CellPlace& place : row.live) {
    out.push_back(AsPair(ReadCell(allocator_, place)));
  }
  return out;
}

void SeriesExpiry::LookAt(FamilyId id, Family& family, BootTime now,
                          std::vector<IdleFamily>& out) const {
  absl::flat_hash_map<SeriesId, Seen> seen;
  IdleFamily idle{.name_space = family.name_space, .family = id, .series = {}};
  for (const Row& row : ListRows(id)) {
    std::optional<std::vector<CountSum>> sums = Sum(family.shape, row);
    if (!sums) continue;
    // Nobody sees it anyway.
    if (row.hidden && IsAtBaseline(family.shape.cells, *sums, row.baseline.get())) continue;
    const auto before = family.series.find(row.series);
    const bool moved = before == family.series.end() || !AreSame(before->second.sums, *sums);
    const BootTime since = moved ? now : before->second.since;
    if (now - since >= family.ttl) idle.series.push_back({.series = row.series, .sums = *sums});
    seen.emplace(row.series, Seen{.sums = *std::move(sums), .since = since});
  }
  family.series = std::move(seen);
  if (!idle.series.empty()) out.push_back(std::move(idle));
}

}  // namespace percpud
