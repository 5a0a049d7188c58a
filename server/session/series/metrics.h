// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SERIES_METRICS_H_
#define PERCPUD_SERVER_SESSION_SERIES_METRICS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/clock.h"
#include "server/base/ranked_mutex.h"
#include "server/metrics/metric_tables.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/books.h"
#include "server/session/series/expiry.h"
#include "server/session/series/requests.h"
#include "server/session/series/writer_fold.h"

namespace percpud {

// Namespaces, families and series, made and found on a caller's behalf. Thread safe.
class Metrics {
 public:
  // All outlive the object.
  Metrics(Allocator& allocator, Books& books, const Clock& clock)
      : allocator_(allocator), books_(books), clock_(clock), expiry_(allocator, books) {}
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // From now on: nothing is taken back that was made under the old ones.
  void SetLimits(const MetricLimits& limits);

  // Finds series, or makes them; the caller's session joins their namespace. Each series is
  // refused by itself; a family that is full gives its overflow series. May sleep.
  // Errors: BadNamespace, BatchOverLimit, NotNamespaceOwner, QuotaExceeded, SessionEnded,
  // CatalogFull.
  absl::StatusOr<Opening> Open(const Caller& caller, const OpeningWanted& wanted);
  // The same; nullopt, with nothing changed, where it would have to sleep.
  std::optional<absl::StatusOr<Opening>> TryOpen(const Caller& caller, const OpeningWanted& wanted);

  // Has series of a family count from 0 again, or removes them; returns how many. Their
  // memory is granted again when every session that may write to it has ended. May sleep.
  // Errors: NamespaceNotFound, FamilyNotFound, SeriesNotFound, NotNamespaceOwner, SessionEnded,
  // CatalogFull.
  absl::StatusOr<std::uint64_t> Remove(const Caller& caller, absl::string_view name_space,
                                       const RemovalWanted& wanted);
  // Removes every series, and begins the next generation, in which families may have
  // another shape; nothing happens if `if_generation` is neither 0 nor the namespace's.
  // Errors: NamespaceNotFound, NotNamespaceOwner, SessionEnded, CatalogFull.
  absl::StatusOr<NamespaceReset> Reset(const Caller& caller, absl::string_view name_space,
                                       std::uint64_t if_generation);
  // Takes away removed series that nobody can write to any more, and shows those that have
  // moved; forgets dead writers that were shown for long enough; has the catalog know how often
  // families refused. Called now and then. Returns how many series went.
  std::size_t Collect();

  // --- Writers --------------------------------------------------------------------
  // Folds the cells of one of the session's writers, as its end would; returns how many. May
  // sleep. Errors: WriterNotFound, SessionEnded.
  absl::StatusOr<std::uint64_t> CloseWriter(const Caller& caller, WriterId writer);
  // Folds the cells of a session that has ended. May sleep.
  void CloseWritersOf(SessionId session, Leaves leaves = Leaves::kByMode);
  // Folds the cells of all sessions that ended with an earlier daemon. Called once, before
  // the first request.
  void CloseLeftWriters();

  // --- Time to live ---------------------------------------------------------------
  // Removes series that nobody has moved for as long as their families say. Called now and
  // then, by one thread. Returns how many.
  std::uint64_t Expire();

  // --- Reading --------------------------------------------------------------------
  // A page holds the books' lock for a bounded number of rows, whether they match or not: one
  // that has another behind it may be empty.

  // What a page of a list is about.
  struct Page {
    // The generation of the namespace that was named; else 0.
    std::uint64_t generation = 0;
    std::uint64_t revision = 0;
    // Where the next page begins; nullopt: this is the last.
    std::optional<SeriesFrom> next;
  };
  // Takes a family, or a series; false if the page has no room for it. Runs under the
  // books' lock: it copies, and is short.
  using OnFamily = absl::FunctionRef<bool(const metrics::Namespace&, const metrics::Family&)>;
  using OnSeries = absl::FunctionRef<bool(const metrics::Family&, const metrics::Series&)>;

  // Families by number, from `from` on, of one namespace or of all if none is named.
  // Errors: NamespaceNotFound.
  absl::StatusOr<Page> ListFamilies(std::optional<absl::string_view> name_space, FamilyId from,
                                    OnFamily on_family) const;
  // Which series are wanted.
  struct SeriesWanted {
    // Empty: the default namespace.
    absl::string_view name_space;
    // One family's alone; 0: of all that begin with the prefix.
    FamilyId family = FamilyId(0);
    absl::string_view prefix = {};
    SeriesFrom from = {};
  };
  // Takes a writer of the series that was taken last; false if the page has no room for it.
  // A live one's cell is read by ReadLive.
  using OnWriter =
      absl::FunctionRef<bool(WriterId, const metrics::SeriesWriter&, absl::string_view label)>;
  // Series family by family and by number, each with its writers by number. Errors:
  // NamespaceNotFound, FamilyNotFound.
  absl::StatusOr<Page> ReadSeries(const SeriesWanted& wanted, OnSeries on_series,
                                  OnWriter on_writer) const;
  // The same without writers.
  absl::StatusOr<Page> ReadSeries(absl::string_view name_space, FamilyId family, SeriesFrom from,
                                  OnSeries on_series) const;

  // A live writer's cell of a page.
  struct LiveCell {
    WriterId writer;
    SeriesId series;
    metrics::CellPlace place;
  };
  // Tells what each cell holds, by its place in the list. False if one was folded meanwhile:
  // the page is to be read again.
  bool ReadLive(std::span<const LiveCell> cells,
                absl::FunctionRef<void(std::size_t, const metrics::WriterCell&)> on_cell) const;

  // --- Watching -------------------------------------------------------------------
  // What changed behind `revision` in one namespace, or in all if none is named; `most`
  // changes, or those of one revision, at most. Memory of removed series waits for the
  // session, until it has passed their removal, has been silent for ChangeLog::kPatience, or
  // has ended; for kNoSession it does not wait.
  metrics::ChangeLog::Slice Watch(SessionId session, std::optional<absl::string_view> name_space,
                                  std::uint64_t revision, std::size_t most);
  // The revision that can be watched is in `word` too from now on, which outlives this.
  void ShowRevisionAt(std::atomic<std::uint64_t>& word);
  // How many sessions have joined the namespace; 0 if there is none.
  [[nodiscard]] std::size_t CountJoined(absl::string_view name_space) const;

 private:
  [[nodiscard]] MetricLimits limits() const;
  std::optional<absl::StatusOr<Opening>> RunOpening(const Caller& caller,
                                                    const OpeningWanted& wanted, bool may_sleep);
  void KeepCounts();
  [[nodiscard]] std::uint64_t NowNs() const;
  // Nanoseconds since boot.
  [[nodiscard]] std::uint64_t NowSinceBootNs() const;

  Allocator& allocator_;
  Books& books_;
  const Clock& clock_;
  SeriesExpiry expiry_;
  mutable RankedMutex mu_{LockRank::kLeaf};
  MetricLimits limits_ ABSL_GUARDED_BY(mu_);
};

// The session leaves every namespace that it has joined. The records are deleted with
// `changes`, if it is not null.
void LeaveAll(Tables& tables, SessionId session, catalog::Changes* changes);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_METRICS_H_
