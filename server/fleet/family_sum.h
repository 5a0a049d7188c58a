// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_FAMILY_SUM_H_
#define PERCPUD_SERVER_FLEET_FAMILY_SUM_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "percpud/fleet/v1/reading.pb.h"
#include "percpud/v1/reading.pb.h"
#include "server/cells/fold.h"

namespace percpud::fleet {

// A family added up over hosts, series by series. Not thread safe.
class FamilySum {
 public:
  // Series of all hosts together.
  static constexpr std::size_t kMostSeries = 10'000;
  // Cells of all of them, those of each host among them if they are told.
  static constexpr std::size_t kMostCells = 250'000;

  // What each host has is told, too, if `by_host`.
  explicit FamilySum(bool by_host) : by_host_(by_host) {}

  // Adds what a host has, in all pages of it; nothing of it, if it is refused. Errors:
  // FAILED_PRECONDITION if another host has the family with another shape, naming both and what
  // differs; RESOURCE_EXHAUSTED over kMostSeries or kMostCells; DATA_LOSS if what it has is no such
  // family.
  absl::Status Add(const std::string& host,
                   const std::vector<percpud::v1::ReadFamilyResponse>& pages);
  // Whether any host has the family.
  [[nodiscard]] bool is_empty() const { return first_host_.empty(); }
  // Shape and series.
  void WriteTo(v1::SumFamilyResponse& out) const;

 private:
  // The values of its labels; whether it is the overflow series.
  using Key = std::pair<std::vector<std::string>, bool>;
  // A series of one host, or of all.
  struct Counted {
    std::vector<cells::CountSum> cells;
    // For a gauge that writers set.
    cells::WriterCell value = cells::kUnset;
  };
  struct Entry {
    Counted total;
    std::vector<std::pair<std::string, Counted>> hosts;
  };

  // Whether all pages are of one family of that shape.
  [[nodiscard]] absl::Status CheckPages(
      const std::string& host, const percpud::v1::FamilyShape& shape,
      const std::vector<percpud::v1::ReadFamilyResponse>& pages) const;
  // Whether there is room for a host's series.
  [[nodiscard]] absl::Status CheckRoom(const std::string& family,
                                       const std::map<Key, Counted>& counted,
                                       std::size_t& cells) const;
  // One host's series, with the writers of a series that goes over several pages together.
  [[nodiscard]] std::map<Key, Counted> Gather(
      const percpud::v1::FamilyShape& shape,
      const std::vector<percpud::v1::ReadFamilyResponse>& pages) const;
  static void AddSeries(const percpud::v1::FamilyShape& shape, const percpud::v1::Series& series,
                        Counted& out);
  static void AddTo(cells::GaugeFold fold, Counted& total, const Counted& more);
  [[nodiscard]] bool IsOfWriters() const;
  void Write(const Counted& counted,
             google::protobuf::RepeatedPtrField<percpud::v1::CellSum>& out) const;

  const bool by_host_;
  // The host whose shape it is; empty if there is none yet.
  std::string first_host_;
  percpud::v1::FamilyShape shape_;
  std::size_t cells_ = 0;
  std::map<Key, Entry> series_;
};

// What differs between two shapes, "type" or "bounds"; empty if nothing does that matters to sums.
std::string DifferenceOf(const percpud::v1::FamilyShape& a, const percpud::v1::FamilyShape& b);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_FAMILY_SUM_H_
