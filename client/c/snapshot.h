// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_SNAPSHOT_H_
#define PERCPUD_CLIENT_C_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "client/c/growing.h"
#include "client/exposition/text.h"
#include "proto/percpud/abi/v1/lane_metrics_answers.h"

namespace percpud::c {

// A text of a snapshot: from `at` on in its texts, where a zero follows it.
struct TextRef {
  std::uint32_t at;
  std::uint32_t bytes;
};

// Rows of a table of a snapshot: from `first` on.
struct Rows {
  std::uint32_t first;
  std::uint32_t count;
};

struct FamilyRow {
  std::uint64_t number;
  TextRef name_space;
  TextRef name;
  TextRef help;
  TextRef unit;
  Rows label_names;
  Rows bounds;
  Rows series;
  abi::v1::LaneFamilyType type;
  abi::v1::LaneCells cells;
  abi::v1::LaneFold fold;
  bool live_only;
  // Openings that wanted another shape, and series that found the family full.
  std::uint64_t refused;
  std::uint64_t overflowed;
  std::uint64_t created_ns;
};

struct SeriesRow {
  std::uint64_t pointer;
  std::uint64_t created_ns;
  // Labels as the exposition has them, without braces; and each value.
  TextRef labels;
  Rows values;
  Rows baseline;
  Rows writers;
  // Removed: not shown until it has moved.
  bool is_hidden;
};

struct WriterRow {
  std::uint64_t pointer;
  abi::v1::WriterCell cell;
  TextRef label;
  // Its cell is to be read; otherwise `cell` is what it left.
  bool is_live;
};

// What families and series there are at the daemon, as it was at one moment: names,
// and where the numbers are. Views and rows are good until it changes. Not thread safe.
struct Snapshot {
  // 0: nothing was read yet, or not all of it at one moment.
  std::uint64_t revision = 0;
  Growing<FamilyRow> families;
  Growing<SeriesRow> series;
  Growing<WriterRow> writers;
  Growing<TextRef> names;
  // The text that a bound has as a label, beside the bound.
  Growing<double> bounds;
  Growing<TextRef> bound_texts;
  Growing<abi::v1::CountSum> baselines;
  exposition::Text texts;

  [[nodiscard]] std::string_view text(const TextRef& ref) const {
    return {texts.view().data() + ref.at, ref.bytes};
  }
  [[nodiscard]] std::size_t cells(const FamilyRow& family) const {
    const bool histogram = family.cells == abi::v1::LaneCells::kHistogram;
    return histogram ? family.bounds.count + 2 : 1;
  }

  void Clear();
  void Swap(Snapshot& other);
  // Each appends what an answer says. False if memory is short, or if it contradicts
  // itself or what was appended before. A family that this program does not know how to
  // read is left out, and so are its series.
  bool Append(const abi::v1::LaneFamiliesView::Family& family);
  // The series is of the family at `index`: that with the last series, or a later one.
  bool Append(std::size_t index, const abi::v1::LaneSeriesPageView::Series& series);
  // The writer is one of the last series.
  bool Append(const abi::v1::LaneSeriesPageView::Writer& writer);
  // Appends another snapshot's family, without its series.
  bool AppendFamilyOf(const Snapshot& other, const FamilyRow& family);
  // The same for what this process holds by itself. `cell` is what its writer has set.
  bool AppendLocal(const abi::v1::LaneFamilyShape& shape);
  bool AppendLocal(std::size_t index, std::span<const std::string_view> values,
                   std::string_view writer, const abi::v1::WriterCell& cell);

 private:
  // Appends a text with its zero. False if memory is short.
  bool AppendText(std::string_view text, TextRef& out);
  bool AppendBound(double bound);
  bool AppendBounds(const abi::v1::LaneFamilyView& shape, FamilyRow& row);
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_SNAPSHOT_H_
