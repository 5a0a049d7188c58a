// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SERIES_METRICS_H_
#define PERCPUD_SERVER_SESSION_SERIES_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/clock.h"
#include "server/metrics/metric_tables.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/books.h"
#include "server/session/series/expiry.h"
#include "server/session/series/requests.h"

namespace percpud {

// Namespaces, families and series, made and found on a caller's behalf. Thread safe.
class Metrics {
 public:
  // All outlive the object.
  Metrics(Allocator& allocator, Books& books, const Clock& clock)
      : allocator_(allocator), books_(books), clock_(clock), expiry_(allocator, books) {}
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Set before the first call.
  void set_limits(const MetricLimits& limits) { limits_ = limits; }

  // Finds series, or makes them; the caller's session joins their namespace. Each series is
  // refused by itself; a family that is full gives its overflow series. May sleep.
  // Errors: BadNamespace, BatchOverLimit, NotNamespaceOwner, QuotaExceeded, SessionEnded,
  // CatalogFull.
  absl::StatusOr<Opening> Open(const Caller& caller, const OpeningWanted& wanted);
  // The same; nullopt, with nothing changed, where anything would have to be made.
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
  // moved. Called now and then. Returns how many series went.
  std::size_t Collect();
  // Removes series that nobody has moved for as long as their families say. Called now and
  // then, by one thread. Returns how many.
  std::uint64_t Expire();

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
  // Series family by family and by number, from `from` on: of one family, or of all if
  // `family` is 0. An empty name is the default namespace. Errors: NamespaceNotFound,
  // FamilyNotFound.
  absl::StatusOr<Page> ReadSeries(absl::string_view name_space, FamilyId family, SeriesFrom from,
                                  OnSeries on_series) const;
  // How many sessions have joined the namespace; 0 if there is none.
  [[nodiscard]] std::size_t CountJoined(absl::string_view name_space) const;

 private:
  [[nodiscard]] std::uint64_t NowNs() const;

  Allocator& allocator_;
  Books& books_;
  const Clock& clock_;
  MetricLimits limits_;
  SeriesExpiry expiry_;
};

// The session leaves every namespace that it has joined. The records are deleted with
// `changes`, if it is not null.
void LeaveAll(Tables& tables, SessionId session, catalog::Changes* changes);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_METRICS_H_
