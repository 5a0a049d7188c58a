// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/render.h"

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
std::string_view ShownName(const Snapshot& snapshot, const FamilyRow& family) {
  constexpr std::string_view kTotal = "_total";
  std::string_view name = snapshot.text(family.name);
  if (family.type == LaneFamilyType::kCounter && name.ends_with(kTotal)) {
    name.remove_suffix(kTotal.size());
  }
  return name;
}

class Renderer {
 public:
  Renderer(const Snapshot& snapshot, const Arena& arena, const RenderOptions& options,
           exposition::Text& out)
      : snapshot_(snapshot),
        options_(options),
        totals_(snapshot, arena),
        writer_(out, options.format) {}

  std::size_t Run();

 private:
  [[nodiscard]] bool IsWanted(const FamilyRow& family) const {
    return !options_.is_one_namespace || snapshot_.text(family.name_space) == options_.name_space;
  }
  void WriteHead(const FamilyRow& family);
  void WriteSeries(const FamilyRow& family);
  void WriteOne(const FamilyRow& family, const SeriesRow& series, std::size_t index);
  void WriteGauge(const FamilyRow& family, const SeriesRow& series, std::size_t index);
  void WriteWriters(const SeriesRow& series);
  void WriteHistogram(const FamilyRow& family, std::size_t index);
  void SetLabels(const FamilyRow& family, const SeriesRow& series);

  const Snapshot& snapshot_;
  const RenderOptions& options_;
  Totals totals_;
  exposition::Writer writer_;
  // Labels of the series that is written.
  exposition::Text labels_;
  // Bounds of the family that is written.
  Growing<std::string_view> bounds_;
};

std::size_t Renderer::Run() {
  std::size_t left_out = 0;
  const auto families = snapshot_.families.all();
  for (std::size_t i = 0; i < families.size(); ++i) {
    if (!IsWanted(families[i])) continue;
    const std::string_view name = ShownName(snapshot_, families[i]);
    bool is_first = true;
    for (std::size_t before = 0; is_first && before < i; ++before) {
      is_first = !IsWanted(families[before]) || ShownName(snapshot_, families[before]) != name;
    }
    if (!is_first) continue;
    WriteHead(families[i]);
    // All of one name stand together.
    for (std::size_t at = i; at < families.size(); ++at) {
      if (!IsWanted(families[at]) || ShownName(snapshot_, families[at]) != name) continue;
      if (families[at].type == families[i].type) {
        WriteSeries(families[at]);
      } else {
        ++left_out;
      }
    }
  }
  return left_out;
}

void Renderer::WriteHead(const FamilyRow& family) {
  writer_.Family({.name = snapshot_.text(family.name),
                  .help = snapshot_.text(family.help),
                  .unit = snapshot_.text(family.unit),
                  .type = TypeOf(family)});
}

void Renderer::WriteSeries(const FamilyRow& family) {
  bounds_.Clear();
  bool has_memory = totals_.Sum(family);
  for (std::size_t i = 0; i < family.bounds.count; ++i) {
    const TextRef& bound = snapshot_.bound_texts[family.bounds.first + i];
    has_memory = has_memory && bounds_.Append(snapshot_.text(bound));
  }
  // Nothing is shown rather than half of it.
  if (!has_memory) return;
  for (std::size_t i = 0; i < family.series.count; ++i) {
    const SeriesRow& series = snapshot_.series[family.series.first + i];
    if (series.is_hidden && totals_.IsStill(series, i)) continue;
    WriteOne(family, series, i);
  }
}

void Renderer::SetLabels(const FamilyRow& family, const SeriesRow& series) {
  labels_.Truncate(0);
  if (!options_.namespace_label.empty()) {
    exposition::AppendLabel(labels_, 0, options_.namespace_label,
                            snapshot_.text(family.name_space));
    if (series.labels.bytes > 0) labels_.Append(',');
  }
  labels_.Append(snapshot_.text(series.labels));
}

void Renderer::WriteOne(const FamilyRow& family, const SeriesRow& series, std::size_t index) {
  SetLabels(family, series);
  switch (family.type) {
    case LaneFamilyType::kCounter:
      if (family.cells == LaneCells::kInteger) {
        writer_.Counter(labels_.view(), totals_.integer(index));
      } else {
        writer_.Counter(labels_.view(), totals_.number(index));
      }
      break;
    case LaneFamilyType::kGauge:
      WriteGauge(family, series, index);
      return;
    case LaneFamilyType::kHistogram:
      WriteHistogram(family, index);
      break;
    case LaneFamilyType::kSummary:
      writer_.Summary(labels_.view(), totals_.pair(index).count, totals_.pair(index).sum);
      break;
  }
  if (options_.with_created) writer_.Created(labels_.view(), series.created_ns);
}

void Renderer::WriteHistogram(const FamilyRow& family, std::size_t index) {
  const Totals::Distribution shown = totals_.distribution(index);
  const bool below_zero = family.bounds.count > 0 && snapshot_.bounds[family.bounds.first] < 0;
  writer_.Histogram(labels_.view(), {.bounds = bounds_.all(),
                                     .cumulative = shown.cumulative,
                                     .sum = shown.sum,
                                     .has_negative_bound = below_zero});
}

void Renderer::WriteGauge(const FamilyRow& family, const SeriesRow& series, std::size_t index) {
  switch (family.cells) {
    case LaneCells::kInteger:
      return writer_.Gauge(labels_.view(), static_cast<double>(totals_.integer(index)));
    case LaneCells::kDouble:
      return writer_.Gauge(labels_.view(), totals_.number(index));
    case LaneCells::kShared:
      return writer_.Gauge(labels_.view(), totals_.ReadShared(series));
    default:
      break;
  }
  if (family.fold == LaneFold::kAll) return WriteWriters(series);
  const cells::WriterCell value = totals_.Fold(family, series);
  if (cells::IsSet(value)) writer_.Gauge(labels_.view(), value.value);
}

void Renderer::WriteWriters(const SeriesRow& series) {
  const std::size_t size = labels_.size();
  for (const WriterRow& writer :
       snapshot_.writers.all().subspan(series.writers.first, series.writers.count)) {
    const cells::WriterCell value = totals_.Read(writer);
    if (!cells::IsSet(value)) continue;
    labels_.Truncate(size);
    exposition::AppendLabel(labels_, 0, "pid", snapshot_.text(writer.label));
    writer_.Gauge(labels_.view(), value.value);
  }
}

}  // namespace

std::size_t Render(const Snapshot& snapshot, const Arena& arena, const RenderOptions& options,
                   exposition::Text& out) {
  return Renderer(snapshot, arena, options, out).Run();
}

}  // namespace percpud::c
