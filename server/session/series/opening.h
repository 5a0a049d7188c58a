// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One OpenSeries, from its check to its commit:
//
//   look   what is there, shown, and of a namespace that the session has joined: answered
//   hold   the namespace's row; it is entered if there is none
//   plan   families, series and blocks that are missing; each one is refused by itself
//   charge blocks to the namespace's owner, a writer's cells to its session
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
#include "server/session/series/opening_plan.h"
#include "server/session/series/requests.h"
#include "server/session/series/writer_opening.h"
#include "server/session/transaction.h"

namespace percpud {

// Used once, by one thread.
class SeriesOpening {
 public:
  struct Context {
    Allocator& allocator;
    Books& books;
    const Caller& caller;
    MetricLimits limits;
    // Nanoseconds since 1970.
    std::uint64_t now_ns = 0;
  };

  // All of it outlives the opening.
  SeriesOpening(const Context& context, const OpeningWanted& wanted);

  // nullopt, with nothing changed, where `may_sleep` is false and there is more to make than a
  // few series in cells that there are. Errors of the whole: BadNamespace, BatchOverLimit,
  // NotNamespaceOwner, QuotaExceeded (namespaces), SessionEnded, CatalogFull. All others are a
  // series' own.
  std::optional<absl::StatusOr<Opening>> Run(bool may_sleep);

 private:
  [[nodiscard]] absl::Status Check() const;
  [[nodiscard]] bool MustJoin(const metrics::Namespace& name_space) const;
  // Answers what is there, and notes what is not. `name_space` may be null.
  void Look(const Tables& tables, const metrics::Namespace* name_space);
  void LookFor(const Tables& tables, const metrics::Namespace* name_space, std::size_t family,
               std::size_t first);
  [[nodiscard]] bool IsComplete(const metrics::Namespace* name_space) const;

  // Whether what is missing can do without a wait, unless it takes memory.
  [[nodiscard]] bool MayBeMadeAtOnce(const Tables& tables,
                                     const metrics::Namespace* name_space) const;

  std::optional<absl::StatusOr<Opening>> Make(Transaction& tx, bool may_sleep);
  absl::Status Hold(Transaction& tx);
  absl::Status EnterNamespace(metrics::MetricTables& tables);
  void Release(Tables& tables) const;

  [[nodiscard]] bool IsOfWriter(const OpeningPlan::Missing& missing) const;
  // Refuses the series of a caller who can be no writer.
  void RefuseWriters();
  void AnswerWriters(const Tables& tables);
  // How many series want another cell of the writer.
  [[nodiscard]] std::size_t CountOfWriter() const;
  // Charges what is planned, or nothing. Errors: QuotaExceeded.
  absl::Status Charge(Tables& tables);
  void RefundOwner(Tables& tables);
  // Answers all that is missing with the refusal; what it was charged is refunded.
  void Refuse(Tables& tables, const absl::Status& status);

  // Whether memory is to be granted, or much of it to be cleared. REQUIRES: it is planned.
  [[nodiscard]] bool IsLong() const;
  absl::Status Allocate(Transaction& tx);
  // Without the lock: grants the blocks, and clears the slots that are used again.
  absl::Status TakeMemory(const std::vector<AreaSpec>& specs, std::vector<PercpuPtr>& areas) const;
  void FreeBlocks() const;

  absl::StatusOr<Opening> Commit(Transaction& tx);
  void PutRecords(Transaction& tx) const;
  void Apply(Tables& tables);
  void ApplyFamily(Tables& tables, OpeningPlan::PlannedFamily& plan, SessionId last_writer);
  // What watchers are told. REQUIRES: it is not applied.
  [[nodiscard]] std::vector<metrics::Change> Changes() const;

  const Context context_;
  const OpeningWanted& wanted_;
  const std::string name_;
  Opening out_;
  std::vector<OpeningPlan::Missing> missing_;
  // The namespace whose row is held.
  NamespaceId held_;
  bool is_new_ = false;
  bool joins_ = false;
  std::uint64_t revision_ = 0;
  OpeningPlan plan_;
  WriterOpening writer_;
  // The holder that is charged for the blocks and for the rows, and how much; in it, for the
  // rows.
  HolderId owner_ = kNoHolder;
  Usage charged_;
  Bytes rows_;
  std::vector<metrics::Change> told_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_OPENING_H_
