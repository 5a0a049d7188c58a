// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/directory.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace percpud::exporter {
namespace {

// The segment that a number belongs to. REQUIRES: there is one.
std::size_t IndexOf(const std::vector<Segment>& segments, std::uint64_t series) {
  const auto behind = std::upper_bound(
      segments.begin(), segments.end(), series,
      [](std::uint64_t number, const Segment& segment) { return number < segment.first; });
  return behind == segments.begin() ? 0 : static_cast<std::size_t>(behind - segments.begin()) - 1;
}

std::uint64_t EndOf(const std::vector<Segment>& segments, std::size_t index) {
  return index + 1 < segments.size() ? segments[index + 1].first : SeriesRange().end;
}

}  // namespace

std::size_t Family::series() const {
  std::size_t out = 0;
  for (const Segment& segment : segments) out += segment.size();
  return out;
}

bool SegmentBuilder::Take(abi::v1::LaneSeriesPageView& page,
                          const abi::v1::LaneSeriesPageView::Series& series) {
  const bool goes_on = (series.head.flags & abi::v1::kLaneSeriesContinued) != 0;
  if (goes_on && (segments_.empty() || segments_.back().last != series.head.series)) return false;
  if (!goes_on) {
    if (segments_.empty() || segments_.back().size() >= kSegmentSeries) {
      Segment segment{.first = segments_.empty() ? first_ : series.head.series,
                      .last = 0,
                      .rows = std::make_unique<c::Snapshot>()};
      const c::Snapshot& shape = *head_.shape;
      if (!segment.rows->AppendFamilyOf(shape, shape.families[0])) return false;
      segments_.push_back(std::move(segment));
    }
    if (!segments_.back().rows->Append(0, series)) return false;
    segments_.back().last = series.head.series;
  }
  for (std::uint32_t left = series.head.writers; left > 0; --left) {
    if (!segments_.back().rows->Append(page.NextWriter())) return false;
  }
  return true;
}

std::vector<SeriesRange> Directory::RangesOf(std::uint64_t family,
                                             const std::set<std::uint64_t>& series) const {
  const std::vector<Segment>& segments = families_.at(family).segments;
  std::vector<SeriesRange> out;
  for (const std::uint64_t number : series) {
    if (!out.empty() && number >= out.back().first && number < out.back().end) continue;
    if (segments.empty()) return {SeriesRange{}};
    const std::size_t index = IndexOf(segments, number);
    const Segment& segment = segments[index];
    const bool is_new = index + 1 == segments.size() && number > segment.last;
    if (is_new && segment.size() >= kSegmentSeries) {
      out.push_back({.first = segment.last + 1});
      continue;
    }
    SeriesRange range{.first = segment.first, .end = EndOf(segments, index)};
    // What has become few goes together with its neighbour.
    const bool are_few = index + 1 < segments.size() &&
                         segment.size() + segments[index + 1].size() < kSegmentSeries / 2;
    if (are_few) range.end = EndOf(segments, index + 1);
    out.push_back(range);
  }
  return out;
}

void Directory::Replace(std::uint64_t family, const SeriesRange& range,
                        std::vector<Segment> segments) {
  std::vector<Segment>& all = families_.at(family).segments;
  const auto begin = std::find_if(all.begin(), all.end(), [&range](const Segment& segment) {
    return segment.first >= range.first;
  });
  const auto end = std::find_if(
      begin, all.end(), [&range](const Segment& segment) { return segment.first >= range.end; });
  const auto at = all.erase(begin, end);
  all.insert(at, std::make_move_iterator(segments.begin()),
             std::make_move_iterator(segments.end()));
}

std::vector<c::FamilyPart> Directory::Parts() const {
  std::vector<c::FamilyPart> out;
  for (const auto& [number, family] : families_) {
    const c::Snapshot& shape = *family.head.shape;
    if (shape.families.size() == 0) continue;
    if (family.segments.empty()) {
      out.push_back({.snapshot = &shape, .family = &shape.families[0]});
    }
    for (const Segment& segment : family.segments) {
      out.push_back({.snapshot = segment.rows.get(), .family = &segment.rows->families[0]});
    }
  }
  return out;
}

}  // namespace percpud::exporter
