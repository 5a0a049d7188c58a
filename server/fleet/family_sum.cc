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

cells::GaugeMode FamilySum::mode() const {
  return {.fold = FoldOf(shape_.fold()), .live_only = shape_.live_only()};
}

absl::Status FamilySum::Add(const std::string& host,
                            const std::vector<wire::ReadFamilyResponse>& pages) {
  if (pages.empty()) return absl::OkStatus();
  if (is_empty()) {
    shape_ = pages.front().shape();
    first_host_ = host;
  }
  for (const wire::ReadFamilyResponse& page : pages) {
    const std::string difference = DifferenceOf(shape_, page.shape());
    if (difference.empty()) continue;
    return absl::FailedPreconditionError(absl::StrCat("family: ", shape_.name(),
                                                      " has another shape on ", host, " than on ",
                                                      first_host_, ": ", difference));
  }
  const std::map<Key, Counted> counted = Gather(pages);
  std::size_t fresh = 0;
  for (const auto& each : counted) fresh += series_.contains(each.first) ? 0 : 1;
  if (series_.size() + fresh > kMostSeries) {
    return absl::ResourceExhaustedError(absl::StrCat("family: ", shape_.name(), " has more than ",
                                                     kMostSeries, " series on all hosts together"));
  }
  for (const auto& [key, one] : counted) {
    Entry& entry = series_[key];
    AddTo(entry.total, one);
    if (by_host_) entry.hosts.emplace_back(host, one);
  }
  return absl::OkStatus();
}

std::map<FamilySum::Key, FamilySum::Counted> FamilySum::Gather(
    const std::vector<wire::ReadFamilyResponse>& pages) const {
  std::map<Key, Counted> out;
  for (const wire::ReadFamilyResponse& page : pages) {
    for (const wire::Series& series : page.series()) {
      const Key key{{series.label_values().begin(), series.label_values().end()},
                    series.overflow()};
      AddSeries(series, out[key]);
    }
  }
  return out;
}

void FamilySum::AddSeries(const wire::Series& series, Counted& out) const {
  Counted one;
  for (const wire::CellSum& cell : series.cells()) {
    one.cells.push_back({.count = cell.count(), .sum = cell.sum()});
  }
  for (const wire::SeriesWriter& writer : series.writers()) {
    if (!writer.live() && shape_.live_only()) continue;
    one.value = cells::Combine(mode().fold, one.value, CellOf(writer));
  }
  AddTo(out, one);
}

void FamilySum::AddTo(Counted& total, const Counted& more) const {
  total.value = cells::Combine(mode().fold, total.value, more.value);
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
