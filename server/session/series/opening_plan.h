// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SERIES_OPENING_PLAN_H_
#define PERCPUD_SERVER_SESSION_SERIES_OPENING_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/identity.h"
#include "server/base/units.h"
#include "server/metrics/metric_tables.h"
#include "server/percpu/allocator/area_spec.h"
#include "server/session/access/quota.h"
#include "server/session/series/requests.h"

namespace percpud {

// Fills in what the opener of a series is answered. `made` says whether this opening made it.
void Answer(const metrics::Family& family, const metrics::Series& series, bool made,
            OpenedSeries& out);
// Returns the area that a block of `slots` cells needs.
AreaSpec BlockSpec(const metrics::Shape& shape, std::uint32_t slots);
// Returns what the namespace's owner is charged for such a block.
Usage UsageOfBlock(const metrics::Shape& shape, std::uint32_t slots);
// What introspection shows of the areas that are blocks.
inline constexpr absl::string_view kBlockTag = "metrics";

// What an opening is to make: families, series, and the blocks that their cells are cut
// from. Changes no row before Count. Not thread safe: the books' lock guards what it looks at, and
// Place, Refuse and Blocks need none.
class OpeningPlan {
 public:
  // A series to be made, and who wanted it: entries of the answer.
  struct PlannedSeries {
    metrics::Series row;
    std::vector<std::size_t> wanted;
  };
  // A family to be made, or one that gets more series.
  struct PlannedFamily {
    // The family that is there; null for a new one.
    metrics::Family* there = nullptr;
    // A new one's row; else without meaning.
    metrics::Family row;
    std::vector<PlannedSeries> series;
    absl::flat_hash_map<std::string, std::size_t> by_values;
    // Slots of the blocks that are added, and where they came to be.
    std::vector<std::uint32_t> slots;
    std::vector<PercpuPtr> blocks;
    // Series whose slots are of blocks that were there: others have counted in them.
    std::size_t reused = 0;
    // Families of earlier generations that give way to a new one.
    std::vector<metrics::Family*> replaced;
    // One that is there and of an earlier generation is of this one from now on.
    bool revives = false;

    [[nodiscard]] const metrics::Family& family() const { return there ? *there : row; }
  };
  // A series that was not found: which family of the request's, and which entry of the
  // answer.
  struct Missing {
    std::size_t family = 0;
    std::size_t entry = 0;
    absl::string_view values;
  };
  struct Hidden {
    metrics::Family* family = nullptr;
    metrics::Series* series = nullptr;
  };

  // `out` is the opening's answer: a series that is refused says so there. `limits` and
  // `out` outlive the plan.
  OpeningPlan(const MetricLimits& limits, std::uint64_t now_ns, Opening& out)
      : limits_(limits), now_ns_(now_ns), out_(out) {}

  // Plans what is missing. Called once. REQUIRES: the namespace is there, and held.
  void Plan(metrics::MetricTables& tables, NamespaceId name_space, const OpeningWanted& wanted,
            std::span<const Missing> missing);
  // Has families count what they have refused, and what they had no room for. Called once, unless
  // what is planned is given up. REQUIRES: the lock was held since Plan.
  void Count(metrics::MetricTables& tables) const;
  // Whether blocks are to be granted.
  [[nodiscard]] bool TakesMemory() const;
  // What is to be cleared of one unit, because others have counted in it.
  [[nodiscard]] Bytes BytesToClear() const;
  // The blocks that are to be granted, and what they are charged as.
  [[nodiscard]] std::vector<AreaSpec> Specs() const;
  [[nodiscard]] Usage UsageOfBlocks() const;
  // What the catalog needs to remember all that is planned.
  [[nodiscard]] Bytes RecordBytes() const;
  // Gives each series its cells. REQUIRES: the areas are granted, one for each of Specs().
  void Place(std::span<const PercpuPtr> areas);
  // Answers every planned series with the refusal, and plans none any more, nor to show
  // any that writers have the cells of.
  void Refuse(const absl::Status& status);

  [[nodiscard]] bool IsEmpty() const { return families_.empty() && hidden_.empty(); }
  // The blocks that were placed.
  [[nodiscard]] std::vector<PercpuPtr> Blocks() const;
  [[nodiscard]] const std::vector<std::unique_ptr<PlannedFamily>>& families() const {
    return families_;
  }
  // Series that are there and to be shown again.
  [[nodiscard]] const std::vector<Hidden>& hidden() const { return hidden_; }

 private:
  absl::StatusOr<PlannedFamily*> PlanFamily(metrics::MetricTables& tables,
                                            const FamilyWanted& wanted);
  // Plans a family that is to be made.
  absl::Status PlanNewFamily(metrics::MetricTables& tables, const FamilyWanted& wanted,
                             PlannedFamily& plan);
  // Notes the families of earlier generations that would show one of the names.
  absl::Status CheckShownNames(const metrics::Namespace& name_space, const metrics::Shape& shape,
                               PlannedFamily& plan) const;
  absl::Status PlanSeries(metrics::MetricTables& tables, PlannedFamily& family,
                          const Missing& missing);
  // Plans a series of these values, or finds the plan of one.
  absl::Status PlanRow(metrics::MetricTables& tables, PlannedFamily& family,
                       absl::string_view values, bool overflow, std::size_t entry);
  void Unhide(metrics::Family& family, metrics::Series& series, std::size_t entry);
  void PlanCells();
  void PlaceSeries(PlannedFamily& plan);

  const MetricLimits& limits_;
  const std::uint64_t now_ns_;
  Opening& out_;
  NamespaceId name_space_;
  std::vector<Hidden> hidden_;
  std::uint64_t planned_ = 0;
  // Families that are there, once for each time.
  std::vector<metrics::Family*> refused_;
  std::vector<metrics::Family*> overflowed_;
  // In the order of the request; where they are does not change.
  std::vector<std::unique_ptr<PlannedFamily>> families_;
  absl::flat_hash_map<std::string, PlannedFamily*> by_name_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_OPENING_PLAN_H_
