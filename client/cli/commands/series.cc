// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/series.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/text.h"

namespace percpu::cli {
namespace {

std::string FoldName(GaugeFold fold) {
  switch (fold) {
    case GaugeFold::kNone:
      break;
    case GaugeFold::kAll:
      return "all";
    case GaugeFold::kMin:
      return "min";
    case GaugeFold::kMax:
      return "max";
    case GaugeFold::kSum:
      return "sum";
    case GaugeFold::kMostRecent:
      return "mostrecent";
  }
  return "none";
}

absl::Status UnknownLabel(const FamilyShape& shape, const std::string& name) {
  return absl::InvalidArgumentError(
      absl::StrCat("LABEL: ", name, ", but ", shape.name, " has ",
                   shape.label_names.empty() ? "no labels" : "the labels ",
                   absl::StrJoin(shape.label_names, ", ")));
}

// Where each label is among the family's. INVALID_ARGUMENT as ValuesOf has it.
absl::StatusOr<std::vector<std::size_t>> Places(const FamilyShape& shape, const Labels& labels) {
  std::vector<std::size_t> out;
  for (const Label& label : labels) {
    const auto found = std::find(shape.label_names.begin(), shape.label_names.end(), label.name);
    if (found == shape.label_names.end()) return UnknownLabel(shape, label.name);
    const auto at = static_cast<std::size_t>(found - shape.label_names.begin());
    if (std::find(out.begin(), out.end(), at) != out.end()) {
      return absl::InvalidArgumentError(absl::StrCat("LABEL: ", label.name, " is given twice"));
    }
    out.push_back(at);
  }
  return out;
}

std::vector<CellSum> CellsOf(const std::vector<SeriesInfo>& series) {
  std::vector<CellSum> out;
  for (const SeriesInfo& each : series) {
    out.insert(out.end(), each.cells.begin(), each.cells.end());
  }
  return out;
}

// What the cells come to: a number; of histograms and summaries how many observations.
Value NumberOf(const FamilyShape& shape, const std::vector<CellSum>& cells) {
  const bool is_sum = shape.cells == CellKind::kDouble || shape.cells == CellKind::kShared ||
                      shape.cells == CellKind::kWriter;
  if (is_sum) return Number{CellsSum(cells)};
  std::uint64_t count = 0;
  for (const CellSum& cell : cells) count += cell.count;
  if (shape.type == FamilyType::kGauge) return Signed{static_cast<std::int64_t>(count)};
  return Count{count};
}

}  // namespace

std::string FamilyTypeName(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "counter";
    case FamilyType::kGauge:
      return "gauge";
    case FamilyType::kHistogram:
      return "histogram";
    case FamilyType::kSummary:
      return "summary";
    case FamilyType::kUnknown:
      break;
  }
  return "unknown";
}

std::string CellsName(const FamilyShape& shape) {
  switch (shape.cells) {
    case CellKind::kInteger:
      return "integer";
    case CellKind::kDouble:
      return "double";
    case CellKind::kHistogram:
      return "histogram";
    case CellKind::kSummary:
      return "summary";
    case CellKind::kWriter:
      return absl::StrCat("writer, ", shape.live_only ? "live" : "", FoldName(shape.fold));
    case CellKind::kShared:
      return "shared";
    case CellKind::kUnknown:
      break;
  }
  return "unknown";
}

std::string NamespaceOf(const Context& context) {
  return context.name_space.empty() ? "default" : context.name_space;
}

absl::StatusOr<FamilyInfo> FindFamily(Context& context, const std::string& name) {
  absl::StatusOr<std::vector<FamilyInfo>> families =
      context.metrics->ListFamilies(NamespaceOf(context));
  if (!families.ok() && !absl::IsNotFound(families.status())) return families.status();
  if (families.ok()) {
    const auto found =
        std::find_if(families->begin(), families->end(),
                     [&](const FamilyInfo& family) { return family.shape.name == name; });
    if (found != families->end()) return std::move(*found);
  }
  return absl::NotFoundError(absl::StrCat("there is no family called \"", name,
                                          "\" in the namespace \"", NamespaceOf(context),
                                          "\" (percpuctl family list)"));
}

absl::StatusOr<std::vector<std::string>> ValuesOf(const FamilyShape& shape, const Labels& labels) {
  const absl::StatusOr<std::vector<std::size_t>> places = Places(shape, labels);
  if (!places.ok()) return places.status();
  for (std::size_t i = 0; i < shape.label_names.size(); ++i) {
    if (std::find(places->begin(), places->end(), i) != places->end()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("LABEL: ", shape.name, " needs ", shape.label_names[i], "=VALUE"));
  }
  std::vector<std::string> out(shape.label_names.size());
  for (std::size_t i = 0; i < labels.size(); ++i) out[(*places)[i]] = labels[i].value;
  return out;
}

absl::StatusOr<std::vector<SeriesInfo>> FindSeries(Context& context, const FamilyInfo& family,
                                                   const Labels& labels) {
  const absl::StatusOr<std::vector<std::size_t>> places = Places(family.shape, labels);
  if (!places.ok()) return places.status();
  absl::StatusOr<std::vector<SeriesInfo>> series =
      context.metrics->ReadSeries(family.name_space, family.shape.name);
  if (!series.ok()) return series.status();
  // Families whose names go on come with it.
  const auto is_other = [&](const SeriesInfo& each) {
    if (each.family != family.shape.name) return true;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const std::size_t at = (*places)[i];
      if (at >= each.label_values.size() || each.label_values[at] != labels[i].value) return true;
    }
    return false;
  };
  series->erase(std::remove_if(series->begin(), series->end(), is_other), series->end());
  if (series->empty() && !labels.empty()) {
    return absl::NotFoundError(
        absl::StrCat(family.shape.name, " has no series with these labels (percpuctl family show ",
                     family.shape.name, ")"));
  }
  return series;
}

Value CellsTotal(const FamilyShape& shape, const std::vector<CellSum>& cells) {
  if (cells.empty()) return Absent{};
  return NumberOf(shape, cells);
}

double CellsSum(const std::vector<CellSum>& cells) {
  double sum = 0;
  for (const CellSum& cell : cells) sum += cell.sum;
  return sum;
}

Value Total(const FamilyShape& shape, const std::vector<SeriesInfo>& series) {
  if (shape.cells == CellKind::kWriter || shape.cells == CellKind::kUnknown) return Absent{};
  return NumberOf(shape, CellsOf(series));
}

double ObservedSum(const std::vector<SeriesInfo>& series) { return CellsSum(CellsOf(series)); }

}  // namespace percpu::cli
