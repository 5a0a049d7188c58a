// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_METRICS_SERIES_WRITERS_H_
#define PERCPUD_SERVER_METRICS_SERIES_WRITERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/strings/string_view.h"
#include "server/base/identity.h"
#include "server/base/units.h"
#include "server/cells/layout.h"

namespace percpud::metrics {

using cells::WriterCell;

// Stands for all the dead of a series whose cells are folded. No writer has this number.
inline constexpr WriterId kTheDead{0};

// Where a writer's cell is: `cell` is unit 0's copy, of which `unit` has the writer's.
struct CellPlace {
  PercpuPtr cell;
  UnitId unit;
};

// What a series knows of one writer.
struct SeriesWriter {
  // Null if the writer is dead.
  CellPlace place;
  // What a dead writer has left.
  WriterCell left{};
  // Nanoseconds since boot when it died.
  std::uint64_t died_ns = 0;
  // A dead writer's; the living have theirs in the table.
  std::string label;
  // Set by SeriesWriters.
  std::uint64_t label_hash = 0;

  [[nodiscard]] bool IsLive() const { return place.cell != PercpuPtr(0); }
};

// Writers of one series by number; the first is kTheDead, if there is anything of them. They
// are found by label and by death without a look at each: a series may have thousands, and
// an opening or the end of a process concerns thousands of series. Not thread safe.
class SeriesWriters {
 public:
  using Rows = absl::btree_map<WriterId, SeriesWriter>;

  // What the catalog needs for the dead is counted in `record_bytes`, which outlives the object.
  explicit SeriesWriters(Bytes& record_bytes) : record_bytes_(record_bytes) {}
  ~SeriesWriters();
  SeriesWriters(const SeriesWriters&) = delete;
  SeriesWriters& operator=(const SeriesWriters&) = delete;

  // Adds one, or changes it. `label` is the writer's, live or dead.
  void Put(WriterId id, SeriesWriter row, absl::string_view label);
  // Does nothing if there is none.
  void Erase(WriterId id);

  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] bool contains(WriterId id) const { return rows_.contains(id); }
  [[nodiscard]] Rows::const_iterator begin() const { return rows_.begin(); }
  [[nodiscard]] Rows::const_iterator end() const { return rows_.end(); }
  [[nodiscard]] Rows::const_iterator find(WriterId id) const { return rows_.find(id); }
  [[nodiscard]] Rows::const_iterator lower_bound(WriterId id) const {
    return rows_.lower_bound(id);
  }

  // Returns all whose label is this one, and once in an age others too.
  [[nodiscard]] std::vector<WriterId> ListAlike(absl::string_view label) const;
  // The dead one by one, the first to die first; kTheDead is not among them.
  using ByDeath = absl::btree_set<std::pair<std::uint64_t, WriterId>>;
  [[nodiscard]] const ByDeath& dead() const { return dead_; }

 private:
  Bytes& record_bytes_;
  Rows rows_;
  absl::btree_set<std::pair<std::uint64_t, WriterId>> by_label_;
  ByDeath dead_;
};

// What the catalog needs to remember a dead writer of that label in one series.
Bytes RecordBytesOfDead(absl::string_view label);

}  // namespace percpud::metrics

#endif  // PERCPUD_SERVER_METRICS_SERIES_WRITERS_H_
