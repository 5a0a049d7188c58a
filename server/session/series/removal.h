// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How series count from 0 again, and go. Cells are never set back and never granted anew
// under a writer:
//
//   shown --reset--> shown       the cells' sums are the baseline that readers subtract
//   shown --remove-> hidden      the same, and readers leave it out until it moves
//   hidden --opened-> shown      (opening.h)
//   hidden --moves--> hidden     readers show it, and it is removed, reset and expires as what is
//                                shown: the books learn of it then, or when its writers have ended
//   hidden ---------> gone       when every session that had joined the namespace then has
//                                ended, every watcher has heard of it, and the sums are still
//                                the baseline (collection.h)
//
// Gauges that are set have no baseline: the cells of live writers are made unset, and what the
// dead have left is forgotten; the one cell of a gauge that all processes share is made 0.
// From sums that nothing can be subtracted from, no baseline is made: that series is retired,
// so that its next opening makes another, and goes as a hidden one does.

#ifndef PERCPUD_SERVER_SESSION_SERIES_REMOVAL_H_
#define PERCPUD_SERVER_SESSION_SERIES_REMOVAL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/metrics/metric_tables.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/books.h"
#include "server/session/series/expiry.h"
#include "server/session/series/requests.h"
#include "server/session/series/slice.h"
#include "server/session/transaction.h"

namespace percpud {

// Changes series of one namespace, a slice in each commit. Used by one thread.
class SeriesRemoval {
 public:
  struct Context {
    Allocator& allocator;
    Books& books;
    const Caller& caller;
    // Nanoseconds since 1970.
    std::uint64_t now_ns = 0;
  };

  // `name_space` is its name. All of it outlives the object.
  SeriesRemoval(const Context& context, absl::string_view name_space)
      : context_(context), name_(name_space) {}

  // Resets or hides series; returns how many. Errors: NamespaceNotFound, FamilyNotFound,
  // SeriesNotFound, NotNamespaceOwner, SessionEnded, CatalogFull.
  absl::StatusOr<std::uint64_t> Remove(const RemovalWanted& wanted);
  // Hides all series, and begins the next generation. Errors: NamespaceNotFound,
  // NotNamespaceOwner, SessionEnded, CatalogFull.
  absl::StatusOr<NamespaceReset> Reset(std::uint64_t if_generation);
  // Hides series of a family that have not moved; returns how many. One that moves
  // meanwhile stays. Errors: as Remove.
  absl::StatusOr<std::uint64_t> Expire(FamilyId family,
                                       const std::vector<SeriesExpiry::Idle>& idle);

 private:
  // Takes the namespace's row. Errors: NamespaceNotFound, NotNamespaceOwner, SessionEnded.
  absl::StatusOr<metrics::Namespace*> Hold(Transaction& tx) const;
  static void Release(Transaction& tx, metrics::Namespace& name_space);
  // Up to a slice of a family's series, from `from` on.
  static SeriesSlice Choose(metrics::Family& family, SeriesId from);
  // Sums the slice, and keeps what readers show of it.
  void SumShown(Transaction& tx, SeriesSlice& slice) const;
  // REQUIRES: the slice is summed.
  absl::Status Commit(Transaction& tx, metrics::Namespace& name_space, SeriesSlice& slice,
                      Removal removal) const;
  void PutRecords(Transaction& tx, const SeriesSlice& slice, Removal removal,
                  SessionId last_writer) const;
  static void Apply(metrics::MetricTables& metrics, ChosenSeries& one, Removal removal);
  // Has cells that are set be as if nobody had set them, or as they were.
  void UnsetCells(SeriesSlice& slice) const;
  void SetCellsAgain(const SeriesSlice& slice) const;
  absl::StatusOr<std::uint64_t> RemoveFamily(FamilyId family, Removal removal) const;
  absl::StatusOr<std::uint64_t> RemoveOne(const RemovalWanted& wanted) const;
  [[nodiscard]] absl::StatusOr<FamilyId> FindFamily(absl::string_view family) const;
  [[nodiscard]] std::vector<FamilyId> ListFamilies() const;

  const Context context_;
  const std::string name_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_REMOVAL_H_
