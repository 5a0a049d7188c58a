// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/family_sum.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace percpud::fleet {
namespace {

namespace wire = percpud::v1;

// A fold that shows each writer by itself is a sum here, which is what is asked for.
cells::GaugeFold FoldOf(wire::GaugeFold fold) {
  switch (fold) {
    case wire::GAUGE_FOLD_MIN:
      return cells::GaugeFold::kMin;
    case wire::GAUGE_FOLD_MAX:
      return cells::GaugeFold::kMax;
    case wire::GAUGE_FOLD_MOST_RECENT:
      return cells::GaugeFold::kMostRecent;
    default:
      return cells::GaugeFold::kSum;
  }
}

// kUnset if nobody has set it.
cells::WriterCell CellOf(const wire::SeriesWriter& writer) {
  if (!writer.has_set_time()) return cells::kUnset;
  constexpr double kNano = 1e-9;
  return {.value = writer.value(),
          .timestamp = static_cast<double>(writer.set_time().seconds()) +
                       (kNano * writer.set_time().nanos())};
}

// How many a series of that shape has; -1 if there can be none.
int CellsOf(const wire::FamilyShape& shape) {
  if (shape.cells() == wire::CELL_KIND_WRITER) return 0;
  if (shape.cells() != wire::CELL_KIND_HISTOGRAM) return 1;
  const auto bounds = static_cast<std::size_t>(shape.bounds_size());
  return bounds < cells::kMostBuckets ? static_cast<int>(cells::HistogramCells(bounds)) : -1;
}

template <typename List>
bool AreSame(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

std::string DifferenceOf(const wire::FamilyShape& a, const wire::FamilyShape& b) {
  if (a.type() != b.type()) return "type";
  if (a.cells() != b.cells()) return "cells";
  if (!AreSame(a.label_names(), b.label_names())) return "label_names";
  if (!AreSame(a.bounds(), b.bounds())) return "bounds";
  if (a.fold() != b.fold() || a.live_only() != b.live_only()) return "fold";
  return a.unit() == b.unit() ? "" : "unit";
}

bool FamilySum::IsOfWriters() const { return shape_.cells() == wire::CELL_KIND_WRITER; }

absl::Status FamilySum::Add(const std::string& host,
                            const std::vector<wire::ReadFamilyResponse>& pages) {
  if (pages.empty()) return absl::OkStatus();
  const wire::FamilyShape& shape = is_empty() ? pages.front().shape() : shape_;
  if (absl::Status status = CheckPages(host, shape, pages); !status.ok()) return status;
  const std::map<Key, Counted> counted = Gather(shape, pages);
  std::size_t cells = cells_;
  if (absl::Status status = CheckRoom(shape.name(), counted, cells); !status.ok()) return status;
  cells_ = cells;
  if (is_empty()) {
    shape_ = shape;
    first_host_ = host;
  }
  for (const auto& [key, one] : counted) {
    Entry& entry = series_[key];
    AddTo(FoldOf(shape_.fold()), entry.total, one);
    if (by_host_) entry.hosts.emplace_back(host, one);
  }
  return absl::OkStatus();
}

absl::Status FamilySum::CheckPages(const std::string& host, const wire::FamilyShape& shape,
                                   const std::vector<wire::ReadFamilyResponse>& pages) const {
  const int cells = CellsOf(shape);
  for (const wire::ReadFamilyResponse& page : pages) {
    if (const std::string difference = DifferenceOf(shape, page.shape()); !difference.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("family: ", shape.name(), " has another shape on ", host, " than on ",
                       is_empty() ? "its page before" : first_host_, ": ", difference));
    }
    for (const wire::Series& series : page.series()) {
      if (series.label_values_size() == shape.label_names_size() && series.cells_size() == cells) {
        continue;
      }
      return absl::DataLossError(
          absl::StrCat("answer: a series of ", shape.name(), " on ", host, " has ",
                       series.label_values_size(), " label values and ", series.cells_size(),
                       " cells, and its shape says ", shape.label_names_size(), " and ", cells));
    }
  }
  return absl::OkStatus();
}

absl::Status FamilySum::CheckRoom(const std::string& family, const std::map<Key, Counted>& counted,
                                  std::size_t& cells) const {
  std::size_t fresh = 0;
  for (const auto& [key, one] : counted) {
    const bool is_new = !series_.contains(key);
    const std::size_t own = std::max<std::size_t>(one.cells.size(), 1);
    fresh += is_new ? 1 : 0;
    cells += (is_new ? own : 0) + (by_host_ ? own : 0);
  }
  if (series_.size() + fresh > kMostSeries) {
    return absl::ResourceExhaustedError(absl::StrCat("family: ", family, " has more than ",
                                                     kMostSeries, " series on all hosts together"));
  }
  if (cells <= kMostCells) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(by_host_ ? "by_host" : "family", ": ", family,
                                                   " has more than ", kMostCells,
                                                   " cells on all hosts together"));
}

std::map<FamilySum::Key, FamilySum::Counted> FamilySum::Gather(
    const wire::FamilyShape& shape, const std::vector<wire::ReadFamilyResponse>& pages) const {
  std::map<Key, Counted> out;
  for (const wire::ReadFamilyResponse& page : pages) {
    for (const wire::Series& series : page.series()) {
      const Key key{{series.label_values().begin(), series.label_values().end()},
                    series.overflow()};
      AddSeries(shape, series, out[key]);
    }
  }
  return out;
}

void FamilySum::AddSeries(const wire::FamilyShape& shape, const wire::Series& series,
                          Counted& out) {
  const cells::GaugeFold fold = FoldOf(shape.fold());
  Counted one;
  for (const wire::CellSum& cell : series.cells()) {
    one.cells.push_back({.count = cell.count(), .sum = cell.sum()});
  }
  for (const wire::SeriesWriter& writer : series.writers()) {
    if (!writer.live() && shape.live_only()) continue;
    one.value = cells::Combine(fold, one.value, CellOf(writer));
  }
  AddTo(fold, out, one);
}

void FamilySum::AddTo(cells::GaugeFold fold, Counted& total, const Counted& more) {
  total.value = cells::Combine(fold, total.value, more.value);
  total.cells.resize(std::max(total.cells.size(), more.cells.size()));
  for (std::size_t i = 0; i < more.cells.size(); ++i) {
    total.cells[i].count += more.cells[i].count;
    total.cells[i].sum += more.cells[i].sum;
  }
}

void FamilySum::Write(const Counted& counted,
                      google::protobuf::RepeatedPtrField<wire::CellSum>& out) const {
  if (IsOfWriters()) {
    if (cells::IsSet(counted.value)) out.Add()->set_sum(counted.value.value);
    return;
  }
  for (const cells::CountSum& cell : counted.cells) {
    wire::CellSum& one = *out.Add();
    one.set_count(cell.count);
    one.set_sum(cell.sum);
  }
}

void FamilySum::WriteTo(v1::SumFamilyResponse& out) const {
  *out.mutable_shape() = shape_;
  for (const auto& [key, entry] : series_) {
    v1::SummedSeries& one = *out.add_series();
    for (const std::string& value : key.first) one.add_label_values(value);
    one.set_overflow(key.second);
    Write(entry.total, *one.mutable_cells());
    for (const auto& [host, counted] : entry.hosts) {
      v1::HostCells& of = *one.add_by_host();
      of.set_host(host);
      Write(counted, *of.mutable_cells());
    }
  }
}

}  // namespace percpud::fleet
