// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/shape.h"

#include <cassert>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace percpud::metrics {
namespace {

cells::CellKind KindOf(Cells cells) {
  switch (cells) {
    case Cells::kInteger:
      return cells::CellKind::kInteger;
    case Cells::kHistogram:
      return cells::CellKind::kHistogram;
    case Cells::kSummary:
      return cells::CellKind::kSummary;
    case Cells::kDouble:
    case Cells::kWriter:
    case Cells::kShared:
      break;
  }
  return cells::CellKind::kDouble;
}

absl::string_view NameOf(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "counter";
    case FamilyType::kGauge:
      return "gauge";
    case FamilyType::kHistogram:
      return "histogram";
    case FamilyType::kSummary:
      return "summary";
  }
  return "?";
}

absl::string_view NameOf(cells::GaugeFold fold) {
  switch (fold) {
    case cells::GaugeFold::kAll:
      return "all";
    case cells::GaugeFold::kMin:
      return "min";
    case cells::GaugeFold::kMax:
      return "max";
    case cells::GaugeFold::kSum:
      return "sum";
    case cells::GaugeFold::kMostRecent:
      return "mostrecent";
  }
  return "?";
}

// What is worth saying of the cells; a histogram's and a summary's type says it all.
std::string CellsInWords(const Shape& shape) {
  switch (shape.cells) {
    case Cells::kInteger:
      return " of integers";
    case Cells::kDouble:
      return " of doubles";
    case Cells::kShared:
      return " of one value for all";
    case Cells::kWriter:
      return absl::StrCat(" of mode ", shape.mode.live_only ? "live" : "", NameOf(shape.mode.fold));
    case Cells::kHistogram:
    case Cells::kSummary:
      break;
  }
  return "";
}

}  // namespace

bool IsSameShape(const Shape& a, const Shape& b) {
  return a.name == b.name && a.type == b.type && a.cells == b.cells && a.labels == b.labels &&
         a.bounds == b.bounds && a.unit == b.unit &&
         (a.cells != Cells::kWriter || a.mode == b.mode);
}

std::string Describe(const Shape& shape) {
  std::string out = absl::StrCat(NameOf(shape.type), CellsInWords(shape));
  if (!shape.unit.empty()) absl::StrAppend(&out, " in ", shape.unit);
  absl::StrAppend(&out, shape.labels.empty() ? " without labels" : " with labels ",
                  absl::StrJoin(shape.labels, ","));
  if (shape.type == FamilyType::kHistogram) {
    absl::StrAppend(&out, " and bounds ", absl::StrJoin(shape.bounds, ","));
  }
  return out;
}

std::size_t CellCount(const Shape& shape) {
  assert(HasArea(shape.cells));
  if (shape.cells != Cells::kHistogram) return 1;
  return cells::HistogramCells(shape.bounds.size());
}

Bytes CellBytes(const Shape& shape) {
  assert(HasArea(shape.cells));
  return Bytes(cells::SeriesBytes(KindOf(shape.cells), shape.bounds.size()));
}

Bytes CellAlignment(const Shape& shape) {
  return Bytes(cells::SeriesAlignment(KindOf(shape.cells)));
}

std::size_t Buckets(const Shape& shape) {
  return shape.cells == Cells::kHistogram ? shape.bounds.size() + 1 : 0;
}

std::vector<std::string> ShownNames(const Shape& shape) {
  switch (shape.type) {
    case FamilyType::kCounter: {
      const absl::string_view base = absl::StripSuffix(shape.name, "_total");
      return {std::string(base), absl::StrCat(base, "_total"), absl::StrCat(base, "_created")};
    }
    case FamilyType::kGauge:
      return {shape.name};
    case FamilyType::kHistogram:
      return {shape.name, absl::StrCat(shape.name, "_bucket"), absl::StrCat(shape.name, "_sum"),
              absl::StrCat(shape.name, "_count"), absl::StrCat(shape.name, "_created")};
    case FamilyType::kSummary:
      return {shape.name, absl::StrCat(shape.name, "_sum"), absl::StrCat(shape.name, "_count"),
              absl::StrCat(shape.name, "_created")};
  }
  return {};
}

}  // namespace percpud::metrics
