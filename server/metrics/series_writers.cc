// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/series_writers.h"

#include <cassert>

#include "absl/hash/hash.h"

namespace percpud::metrics {
namespace {

std::uint64_t HashOf(absl::string_view label) { return absl::Hash<absl::string_view>()(label); }

}  // namespace

Bytes RecordBytesOfDead(absl::string_view label) {
  // Key, value and what a B-tree's node adds.
  constexpr Bytes kRecord{96};
  return kRecord + Bytes(label.size());
}

SeriesWriters::~SeriesWriters() {
  for (const auto& [id, row] : rows_) {
    if (!row.IsLive()) record_bytes_ -= RecordBytesOfDead(row.label);
  }
}

void SeriesWriters::Put(WriterId id, SeriesWriter row, absl::string_view label) {
  Erase(id);
  row.label_hash = HashOf(label);
  by_label_.emplace(row.label_hash, id);
  if (!row.IsLive()) {
    record_bytes_ += RecordBytesOfDead(row.label);
    if (id != kTheDead) dead_.emplace(row.died_ns, id);
  }
  rows_.emplace(id, std::move(row));
}

void SeriesWriters::Erase(WriterId id) {
  const auto entry = rows_.find(id);
  if (entry == rows_.end()) return;
  const SeriesWriter& row = entry->second;
  by_label_.erase({row.label_hash, id});
  if (!row.IsLive()) {
    record_bytes_ -= RecordBytesOfDead(row.label);
    dead_.erase({row.died_ns, id});
  }
  rows_.erase(entry);
}

std::vector<WriterId> SeriesWriters::ListAlike(absl::string_view label) const {
  std::vector<WriterId> out;
  const std::uint64_t hash = HashOf(label);
  for (auto entry = by_label_.lower_bound({hash, kTheDead});
       entry != by_label_.end() && entry->first == hash; ++entry) {
    out.push_back(entry->second);
  }
  return out;
}

}  // namespace percpud::metrics
