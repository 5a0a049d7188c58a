// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/render.h"

#include <algorithm>
#include <cstdint>

#include "client/c/growing.h"
#include "client/c/totals.h"
#include "client/exposition/labels.h"

namespace percpud::c {
namespace {

using abi::v1::LaneCells;
using abi::v1::LaneFamilyType;
using abi::v1::LaneFold;

exposition::FamilyType TypeOf(const FamilyRow& family) {
  switch (family.type) {
    case LaneFamilyType::kCounter:
      return exposition::FamilyType::kCounter;
    case LaneFamilyType::kGauge:
      return exposition::FamilyType::kGauge;
    case LaneFamilyType::kHistogram:
      return exposition::FamilyType::kHistogram;
    case LaneFamilyType::kSummary:
      break;
  }
  return exposition::FamilyType::kSummary;
}

// What a scraper knows the family by: a counter is the same with `_total` and without.
std::string_view ShownName(const FamilyPart& part) {
  constexpr std::string_view kTotal = "_total";
  std::string_view name = part.snapshot->text(part.family->name);
  if (part.family->type == LaneFamilyType::kCounter && name.ends_with(kTotal)) {
    name.remove_suffix(kTotal.size());
  }
  return name;
}

class Renderer {
 public:
  Renderer(std::span<const FamilyPart> parts, const Arena& arena, const RenderOptions& options,
           exposition::Text& out)
      : parts_(parts),
        options_(options),
        totals_(*parts.front().snapshot, arena),
        writer_(out, options.format) {}

  std::size_t Run();

 private:
  // Parts of one shown name: a run of `order_`.
  struct Group {
    std::uint32_t begin;
    std::uint32_t end;
  };

  [[nodiscard]] bool IsWanted(const FamilyPart& part) const {
    return !options_.is_one_namespace ||
           part.snapshot->text(part.family->name_space) == options_.name_space;
  }
  [[nodiscard]] bool FindGroups();
  std::size_t WriteGroup(const Group& group);
  void WriteHead();
  void WriteSeries();
  void WriteOne(const SeriesRow& series, std::size_t index);
  void WriteGauge(const SeriesRow& series, std::size_t index);
  void WriteWriters(const SeriesRow& series);
  void WriteHistogram(std::size_t index);
  void SetFamilyLabels();
  void SetLabels(const SeriesRow& series);

  [[nodiscard]] const Snapshot& snapshot() const { return *part_->snapshot; }
  [[nodiscard]] const FamilyRow& family() const { return *part_->family; }

  const std::span<const FamilyPart> parts_;
  const RenderOptions& options_;
  Totals totals_;
  exposition::Writer writer_;
  Growing<std::uint32_t> order_;
  Growing<Group> groups_;
  // What is written.
  const FamilyPart* part_ = nullptr;
  // Labels of the series that is written; the first are its family's.
  exposition::Text labels_;
  std::size_t family_labels_ = 0;
  // Bounds of the family that is written.
  Growing<std::string_view> bounds_;
};

// Wanted parts by shown name, and the groups of them by the first part.
bool Renderer::FindGroups() {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (IsWanted(parts_[i]) && !order_.Append(static_cast<std::uint32_t>(i))) return false;
  }
  const auto order = order_.all();
  std::sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) {
    const int names = ShownName(parts_[a]).compare(ShownName(parts_[b]));
    return names != 0 ? names < 0 : a < b;
  });
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && ShownName(parts_[order[end]]) == ShownName(parts_[order[begin]])) {
      ++end;
    }
    const Group group{.begin = static_cast<std::uint32_t>(begin),
                      .end = static_cast<std::uint32_t>(end)};
    if (!groups_.Append(group)) return false;
    begin = end;
  }
  const auto groups = groups_.all();
  std::sort(groups.begin(), groups.end(),
            [&order](const Group& a, const Group& b) { return order[a.begin] < order[b.begin]; });
  return true;
}

std::size_t Renderer::Run() {
  // Nothing is shown rather than half of it.
  if (!FindGroups()) return 0;
  std::size_t left_out = 0;
  for (const Group& group : groups_.all()) left_out += WriteGroup(group);
  return left_out;
}

// All of one name stand together.
std::size_t Renderer::WriteGroup(const Group& group) {
  std::size_t left_out = 0;
  const FamilyRow& first = *parts_[order_[group.begin]].family;
  for (std::size_t i = group.begin; i < group.end; ++i) {
    const FamilyPart* const before = part_;
    part_ = &parts_[order_[i]];
    const bool is_next_part = i > group.begin && before->family->number == family().number;
    if (i == group.begin) WriteHead();
    if (family().type == first.type) {
      WriteSeries();
    } else if (!is_next_part) {
      ++left_out;
    }
  }
  return left_out;
}

void Renderer::WriteHead() {
  writer_.Family({.name = snapshot().text(family().name),
                  .help = snapshot().text(family().help),
                  .unit = snapshot().text(family().unit),
                  .type = TypeOf(family())});
}

void Renderer::WriteSeries() {
  totals_.Use(snapshot());
  bounds_.Clear();
  bool has_memory = totals_.Sum(family());
  for (std::size_t i = 0; i < family().bounds.count; ++i) {
    const TextRef& bound = snapshot().bound_texts[family().bounds.first + i];
    has_memory = has_memory && bounds_.Append(snapshot().text(bound));
  }
  // Nothing is shown rather than half of it.
  if (!has_memory) return;
  SetFamilyLabels();
  for (std::size_t i = 0; i < family().series.count; ++i) {
    const SeriesRow& series = snapshot().series[family().series.first + i];
    if (series.is_hidden && totals_.IsStill(series, i)) continue;
    WriteOne(series, i);
  }
}

void Renderer::SetFamilyLabels() {
  labels_.Truncate(0);
  if (!options_.namespace_label.empty()) {
    exposition::AppendLabel(labels_, 0, options_.namespace_label,
                            snapshot().text(family().name_space));
  }
  family_labels_ = labels_.size();
}

void Renderer::SetLabels(const SeriesRow& series) {
  labels_.Truncate(family_labels_);
  if (series.labels.bytes == 0) return;
  if (family_labels_ > 0) labels_.Append(',');
  labels_.Append(snapshot().text(series.labels));
}

void Renderer::WriteOne(const SeriesRow& series, std::size_t index) {
  SetLabels(series);
  switch (family().type) {
    case LaneFamilyType::kCounter:
      if (family().cells == LaneCells::kInteger) {
        writer_.Counter(labels_.view(), totals_.integer(index));
      } else {
        writer_.Counter(labels_.view(), totals_.number(index));
      }
      break;
    case LaneFamilyType::kGauge:
      WriteGauge(series, index);
      return;
    case LaneFamilyType::kHistogram:
      WriteHistogram(index);
      break;
    case LaneFamilyType::kSummary:
      writer_.Summary(labels_.view(), totals_.pair(index).count, totals_.pair(index).sum);
      break;
  }
  if (options_.with_created) writer_.Created(labels_.view(), series.created_ns);
}

void Renderer::WriteHistogram(std::size_t index) {
  const Totals::Distribution shown = totals_.distribution(index);
  const bool below_zero = family().bounds.count > 0 && snapshot().bounds[family().bounds.first] < 0;
  writer_.Histogram(labels_.view(), {.bounds = bounds_.all(),
                                     .cumulative = shown.cumulative,
                                     .sum = shown.sum,
                                     .has_negative_bound = below_zero});
}

void Renderer::WriteGauge(const SeriesRow& series, std::size_t index) {
  switch (family().cells) {
    case LaneCells::kInteger:
      return writer_.Gauge(labels_.view(), static_cast<double>(totals_.integer(index)));
    case LaneCells::kDouble:
      return writer_.Gauge(labels_.view(), totals_.number(index));
    case LaneCells::kShared:
      return writer_.Gauge(labels_.view(), totals_.ReadShared(series));
    default:
      break;
  }
  if (family().fold == LaneFold::kAll) return WriteWriters(series);
  const cells::WriterCell value = totals_.Fold(family(), series);
  if (cells::IsSet(value)) writer_.Gauge(labels_.view(), value.value);
}

void Renderer::WriteWriters(const SeriesRow& series) {
  const std::size_t size = labels_.size();
  for (const WriterRow& writer :
       snapshot().writers.all().subspan(series.writers.first, series.writers.count)) {
    const cells::WriterCell value = totals_.Read(writer);
    if (!cells::IsSet(value)) continue;
    labels_.Truncate(size);
    exposition::AppendLabel(labels_, 0, "pid", snapshot().text(writer.label));
    writer_.Gauge(labels_.view(), value.value);
  }
}

}  // namespace

std::size_t Render(std::span<const FamilyPart> parts, const Arena& arena,
                   const RenderOptions& options, exposition::Text& out) {
  if (parts.empty()) return 0;
  return Renderer(parts, arena, options, out).Run();
}

std::size_t Render(const Snapshot& snapshot, const Arena& arena, const RenderOptions& options,
                   exposition::Text& out) {
  Growing<FamilyPart> parts;
  for (const FamilyRow& family : snapshot.families.all()) {
    if (!parts.Append(FamilyPart{.snapshot = &snapshot, .family = &family})) return 0;
  }
  return Render(parts.all(), arena, options, out);
}

}  // namespace percpud::c
