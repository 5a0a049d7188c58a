// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One OpenSeries, from its check to its commit:
//
//   look   what is there, shown, and of a namespace that the session has joined: answered
//   hold   the namespace's row; it is entered if there is none
//   plan   families, series and blocks that are missing; each one is refused by itself
//   alloc  the blocks, without the lock
//   commit all of it at once; only then it is in the tables

#ifndef PERCPUD_SERVER_SESSION_SERIES_OPENING_H_
#define PERCPUD_SERVER_SESSION_SERIES_OPENING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/metrics/metric_tables.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/books.h"
#include "server/session/series/requests.h"
#include "server/session/transaction.h"

namespace percpud {

// Used once, by one thread.
class SeriesOpening {
 public:
  struct Context {
    Allocator& allocator;
    Books& books;
    const Caller& caller;
    const MetricLimits& limits;
    // Nanoseconds since 1970.
    std::uint64_t now_ns = 0;
  };

  // All of it outlives the opening.
  SeriesOpening(const Context& context, const OpeningWanted& wanted);

  // nullopt, with nothing changed, where `may_sleep` is false and something would have to be
  // made. Errors of the whole: BadNamespace, BatchOverLimit, NotNamespaceOwner,
  // QuotaExceeded (namespaces), SessionEnded, CatalogFull. All others are a series' own.
  std::optional<absl::StatusOr<Opening>> Run(bool may_sleep);

 private:
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

  [[nodiscard]] absl::Status Check() const;
  [[nodiscard]] absl::Status CheckOwner(const metrics::Namespace& name_space) const;
  [[nodiscard]] bool MustJoin(const metrics::Namespace& name_space) const;
  // Answers what is there, and notes what is not. `name_space` may be null.
  void Look(const metrics::Namespace* name_space);
  void LookFor(const metrics::Namespace* name_space, std::size_t family, std::size_t first);
  [[nodiscard]] bool IsComplete(const metrics::Namespace* name_space) const;

  absl::StatusOr<Opening> Make(Transaction& tx);
  absl::Status Hold(Transaction& tx);
  absl::Status EnterNamespace(metrics::MetricTables& tables);
  void Release(Tables& tables) const;

  void Plan(metrics::MetricTables& tables);
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

  absl::Status Allocate(Transaction& tx);
  // Without the lock: grants the blocks, and clears the slots that are used again.
  absl::Status TakeMemory(const std::vector<AreaSpec>& specs, std::vector<PercpuPtr>& areas) const;
  void PlaceSeries();
  void RefusePlanned(const absl::Status& status);
  void FreeBlocks();

  absl::StatusOr<Opening> Commit(Transaction& tx);
  void PutRecords(Transaction& tx) const;
  void Apply(Tables& tables);

  const Context context_;
  const OpeningWanted& wanted_;
  const std::string name_;
  Opening out_;
  std::vector<Missing> missing_;
  std::vector<Hidden> hidden_;
  // The namespace whose row is held.
  NamespaceId held_;
  bool is_new_ = false;
  bool joins_ = false;
  std::uint64_t revision_ = 0;
  std::uint64_t planned_ = 0;
  // In the order of the request; where they are does not change.
  std::vector<std::unique_ptr<PlannedFamily>> plan_;
  absl::flat_hash_map<std::string, PlannedFamily*> plan_by_name_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_OPENING_H_
