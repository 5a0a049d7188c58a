// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_DIRECTORY_H_
#define PERCPUD_CLIENT_EXPORTER_DIRECTORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/c/arena.h"
#include "client/c/render.h"
#include "client/c/snapshot.h"
#include "proto/percpud/abi/v1/lane_metrics_answers.h"

namespace percpud::exporter {

// Series are kept in segments, so that one that changes costs a segment's names and not all:
//
//   family 7   [ series 8..1040 ] [ series 1041..2100 ] [ series 2101.. ]
//
// A segment has the texts of its series ready, and where their cells are.
inline constexpr std::size_t kSegmentSeries = 1024;

// Numbers of series, from `first` up to and without `end`.
struct SeriesRange {
  std::uint64_t first = 0;
  std::uint64_t end = ~std::uint64_t{0};
};

struct Segment {
  // The numbers that belong here begin with this, and end where the next segment begins.
  std::uint64_t first = 0;
  // The highest that is here.
  std::uint64_t last = 0;
  // One family, and its series.
  std::unique_ptr<c::Snapshot> rows;

  [[nodiscard]] std::size_t size() const { return rows->series.size(); }
};

// What is known of a family without asking for its series.
struct FamilyHead {
  std::string name_space;
  // The family alone. It is empty if this program cannot read such families.
  std::unique_ptr<c::Snapshot> shape;
};

struct Family {
  FamilyHead head;
  // By number, which rises.
  std::vector<Segment> segments;

  [[nodiscard]] std::size_t series() const;
};

// Puts segments together from pages of series.
class SegmentBuilder {
 public:
  // `head` outlives this. The first segment begins with number `first`.
  SegmentBuilder(const FamilyHead& head, std::uint64_t first) : head_(head), first_(first) {}

  // Takes a series, and its writers from the page. `is_continued`: more writers of the last one.
  // False if memory is short, or the page contradicts itself.
  bool Take(abi::v1::LaneSeriesPageView& page, const abi::v1::LaneSeriesPageView::Series& series);
  [[nodiscard]] std::vector<Segment> Finish() { return std::move(segments_); }

 private:
  const FamilyHead& head_;
  const std::uint64_t first_;
  std::vector<Segment> segments_;
};

// Families by number, as they were followed. Not thread safe.
class Directory {
 public:
  using Families = std::map<std::uint64_t, Family>;

  // The segments that have, or are to have, these series, as ranges that are to be read anew.
  // REQUIRES: the family is there.
  [[nodiscard]] std::vector<SeriesRange> RangesOf(std::uint64_t family,
                                                  const std::set<std::uint64_t>& series) const;
  // Puts segments in the place of those of a range that RangesOf returned.
  void Replace(std::uint64_t family, const SeriesRange& range, std::vector<Segment> segments);

  [[nodiscard]] Families& families() { return families_; }
  [[nodiscard]] const Families& families() const { return families_; }
  // For c::Render.
  [[nodiscard]] std::vector<c::FamilyPart> Parts() const;

 private:
  Families families_;
};

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_DIRECTORY_H_
