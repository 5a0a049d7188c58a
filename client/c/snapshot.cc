// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/snapshot.h"

#include <utility>

#include "client/exposition/labels.h"
#include "client/exposition/number.h"

namespace percpud::c {
namespace {

using abi::v1::LaneCells;
using abi::v1::LaneFamily;
using abi::v1::LaneFamilyType;
using abi::v1::LaneFold;

// Whether this program knows what the numbers of a family mean.
bool IsKnown(const LaneFamily& head) {
  const auto type = static_cast<LaneFamilyType>(head.type);
  const auto is_among = [&head](LaneCells first, LaneCells second) {
    const auto cells = static_cast<LaneCells>(head.cells);
    return cells == first || cells == second;
  };
  if (head.fold > static_cast<std::uint8_t>(LaneFold::kMostRecent)) return false;
  switch (type) {
    case LaneFamilyType::kCounter:
      return is_among(LaneCells::kInteger, LaneCells::kDouble);
    case LaneFamilyType::kGauge:
      return is_among(LaneCells::kWriter, LaneCells::kShared) ||
             is_among(LaneCells::kInteger, LaneCells::kDouble);
    case LaneFamilyType::kHistogram:
      return is_among(LaneCells::kHistogram, LaneCells::kHistogram);
    case LaneFamilyType::kSummary:
      return is_among(LaneCells::kSummary, LaneCells::kSummary);
  }
  return false;
}

template <typename T>
Rows Next(const Growing<T>& table, std::size_t count) {
  return {static_cast<std::uint32_t>(table.size()), static_cast<std::uint32_t>(count)};
}

}  // namespace

void Snapshot::Clear() {
  revision = 0;
  families.Clear();
  series.Clear();
  writers.Clear();
  names.Clear();
  bounds.Clear();
  bound_texts.Clear();
  baselines.Clear();
  texts = exposition::Text();
}

void Snapshot::Swap(Snapshot& other) {
  std::swap(revision, other.revision);
  families.Swap(other.families);
  series.Swap(other.series);
  writers.Swap(other.writers);
  names.Swap(other.names);
  bounds.Swap(other.bounds);
  bound_texts.Swap(other.bound_texts);
  baselines.Swap(other.baselines);
  std::swap(texts, other.texts);
}

bool Snapshot::AppendText(std::string_view text, TextRef& out) {
  out = {static_cast<std::uint32_t>(texts.size()), static_cast<std::uint32_t>(text.size())};
  texts.Append(text).Append('\0');
  return texts.ok() && texts.size() < UINT32_MAX;
}

bool Snapshot::AppendBound(double bound) {
  TextRef text{static_cast<std::uint32_t>(texts.size()), 0};
  exposition::AppendBound(texts, bound);
  text.bytes = static_cast<std::uint32_t>(texts.size()) - text.at;
  return texts.ok() && bounds.Append(bound) && bound_texts.Append(text);
}

bool Snapshot::AppendBounds(const abi::v1::LaneFamilyView& shape, FamilyRow& row) {
  row.bounds = Next(bounds, shape.head().bounds);
  for (std::size_t i = 0; i < shape.head().bounds; ++i) {
    if (!AppendBound(shape.bound(i))) return false;
  }
  return true;
}

bool Snapshot::Append(const abi::v1::LaneFamiliesView::Family& family) {
  const abi::v1::LaneFamilyView& shape = family.shape;
  if (!IsKnown(shape.head())) return true;
  FamilyRow row{};
  row.number = family.head.family;
  row.type = static_cast<LaneFamilyType>(shape.head().type);
  row.cells = static_cast<LaneCells>(shape.head().cells);
  row.fold = static_cast<LaneFold>(shape.head().fold);
  row.live_only = shape.head().live_only != 0;
  row.refused = family.head.refused;
  row.overflowed = family.head.overflowed;
  row.created_ns = family.head.created_ns;
  row.label_names = Next(names, shape.head().labels);
  if (!AppendText(family.name_space, row.name_space) || !AppendText(shape.name(), row.name) ||
      !AppendText(shape.help(), row.help) || !AppendText(shape.unit(), row.unit)) {
    return false;
  }
  for (auto labels = shape.labels(); labels.left() > 0;) {
    TextRef name{};
    if (!AppendText(labels.Next(), name) || !names.Append(name)) return false;
  }
  return AppendBounds(shape, row) && families.Append(row);
}

bool Snapshot::AppendFamilyOf(const Snapshot& other, const FamilyRow& family) {
  FamilyRow row = family;
  row.series = Next(series, 0);
  if (!AppendText(other.text(family.name_space), row.name_space) ||
      !AppendText(other.text(family.name), row.name) ||
      !AppendText(other.text(family.help), row.help) ||
      !AppendText(other.text(family.unit), row.unit)) {
    return false;
  }
  row.label_names = Next(names, family.label_names.count);
  for (std::size_t i = 0; i < family.label_names.count; ++i) {
    TextRef name{};
    const TextRef& from = other.names[family.label_names.first + i];
    if (!AppendText(other.text(from), name) || !names.Append(name)) return false;
  }
  row.bounds = Next(bounds, family.bounds.count);
  for (std::size_t i = 0; i < family.bounds.count; ++i) {
    if (!AppendBound(other.bounds[family.bounds.first + i])) return false;
  }
  return families.Append(row);
}

bool Snapshot::Append(std::size_t index, const abi::v1::LaneSeriesPageView::Series& from) {
  FamilyRow& family = families[index];
  const abi::v1::LaneSeries& head = from.head;
  if (head.labels != family.label_names.count ||
      head.cells != static_cast<std::uint8_t>(family.cells) ||
      (head.baseline != 0 && head.baseline != cells(family))) {
    return false;
  }
  SeriesRow row{};
  row.pointer = head.pointer;
  row.created_ns = head.created_ns;
  row.is_hidden = (head.flags & abi::v1::kLaneSeriesHidden) != 0;
  row.values = Next(names, head.labels);
  auto values = from.values;
  for (std::size_t i = 0; i < head.labels; ++i) {
    TextRef value{};
    if (!AppendText(values.Next(), value) || !names.Append(value)) return false;
  }
  // What is appended is copied from the texts themselves, which may move meanwhile.
  exposition::Text labels;
  for (std::size_t i = 0; i < head.labels; ++i) {
    exposition::AppendLabel(labels, 0, text(names[family.label_names.first + i]),
                            text(names[row.values.first + i]));
  }
  if (!labels.ok() || !AppendText(labels.view(), row.labels)) return false;
  row.baseline = Next(baselines, head.baseline);
  for (std::size_t i = 0; i < head.baseline; ++i) {
    if (!baselines.Append(from.base(i))) return false;
  }
  row.writers = Next(writers, 0);
  if (family.series.count == 0) family.series = Next(series, 0);
  ++family.series.count;
  return series.Append(row);
}

bool Snapshot::Append(const abi::v1::LaneSeriesPageView::Writer& from) {
  if (series.size() == 0) return false;
  WriterRow row{.pointer = from.head.pointer,
                .cell = from.head.cell,
                .label = {},
                .is_live = from.head.pointer != 0};
  ++series[series.size() - 1].writers.count;
  return AppendText(from.label, row.label) && writers.Append(row);
}

bool Snapshot::AppendLocal(const abi::v1::LaneFamilyShape& shape) {
  FamilyRow row{};
  row.type = shape.type;
  row.cells = shape.cells;
  row.fold = shape.fold;
  row.live_only = shape.live_only;
  row.label_names = Next(names, shape.labels.size());
  if (!AppendText(shape.name, row.name) || !AppendText(shape.help, row.help) ||
      !AppendText(shape.unit, row.unit)) {
    return false;
  }
  for (const std::string_view label : shape.labels) {
    TextRef name{};
    if (!AppendText(label, name) || !names.Append(name)) return false;
  }
  row.bounds = Next(bounds, shape.bounds.size());
  for (const double bound : shape.bounds) {
    if (!AppendBound(bound)) return false;
  }
  row.series = Next(series, 0);
  return families.Append(row);
}

bool Snapshot::AppendLocal(std::size_t index, std::span<const std::string_view> values,
                           std::string_view writer, const abi::v1::WriterCell& cell) {
  SeriesRow row{};
  row.values = Next(names, values.size());
  for (const std::string_view value : values) {
    TextRef text{};
    if (!AppendText(value, text) || !names.Append(text)) return false;
  }
  row.writers = Next(writers, 1);
  WriterRow one{.pointer = 0, .cell = cell, .label = {}, .is_live = true};
  if (!AppendText(writer, one.label) || !writers.Append(one)) return false;
  ++families[index].series.count;
  return series.Append(row);
}

}  // namespace percpud::c
