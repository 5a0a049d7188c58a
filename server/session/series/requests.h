// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What callers ask of metrics and are answered, whichever way they came.

#ifndef PERCPUD_SERVER_SESSION_SERIES_REQUESTS_H_
#define PERCPUD_SERVER_SESSION_SERIES_REQUESTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/identity.h"
#include "server/base/limits.h"
#include "server/base/units.h"
#include "server/metrics/metric_tables.h"

namespace percpud {

inline constexpr absl::Duration kDefaultKeepDead = absl::Minutes(5);

// What namespaces and families may hold. Plain data.
struct MetricLimits {
  std::uint32_t namespaces_per_user = kDefaultNamespacesPerUser;
  std::uint32_t families_per_namespace = kDefaultFamiliesPerNamespace;
  std::uint32_t series_per_namespace = kDefaultSeriesPerNamespace;
  // What a family gets that does not say how many it may have.
  std::uint32_t series_per_family = kDefaultSeriesPerFamily;
  // For how long a gauge of mode `all` shows what a dead writer has left.
  absl::Duration keep_dead = kDefaultKeepDead;
};

// A family wanted, and series of it. Views outlive the call.
struct FamilyWanted {
  metrics::Shape shape;
  // 0: the daemon's default.
  std::uint32_t max_series = 0;
  // 0: its series are kept for ever.
  std::uint32_t ttl_seconds = 0;
  // One for each series: its label values, each behind its length.
  std::vector<absl::string_view> series;
};

struct OpeningWanted {
  // Empty: the default one.
  absl::string_view name_space;
  std::vector<FamilyWanted> families;
  // The label of a writer; empty: the number of the caller's process.
  absl::string_view writer = {};
  // The label is to be the least number that no live writer of the namespace has.
  bool slot = false;
  // Members of this group may join the namespace too; its maker says so.
  std::optional<UserGroupId> group = std::nullopt;
};

struct OpenedSeries {
  // Why this one was refused; the rest is without meaning then.
  absl::Status status;
  FamilyId family;
  SeriesId series;
  // The percpu pointer; of a writer, where its one cell is.
  PercpuPtr cells;
  std::uint64_t created_ns = 0;
  std::uint32_t buckets = 0;
  metrics::Cells kind = metrics::Cells::kDouble;
  // This call made it.
  bool made = false;
  // It is the overflow series of a family that is full.
  bool overflow = false;
};

struct Opening {
  std::uint64_t generation = 0;
  // The writer whose cells were opened; 0 if no series has such.
  WriterId writer;
  // Its label, if it was asked for as a number; else kNoSlot.
  std::uint32_t slot = metrics::kNoSlot;
  // One for each that was wanted, family by family.
  std::vector<OpenedSeries> series;
};

// What becomes of series.
enum class Removal : std::uint8_t {
  // They count from 0 again, and are shown.
  kReset,
  // They are not shown until they move or are opened again: from 0 then.
  kRemove,
};

// Series of one family that are to be reset or removed.
struct RemovalWanted {
  absl::string_view family;
  // The label values of one, each behind its length; nullopt: all of the family.
  std::optional<absl::string_view> values;
  Removal removal = Removal::kRemove;
};

struct NamespaceReset {
  // The namespace's now.
  std::uint64_t generation = 0;
  // How many series were hidden.
  std::uint64_t series = 0;
};

// Where a page of series begins: at the least series that is not before it.
struct SeriesFrom {
  FamilyId family;
  SeriesId series;
  // The first of the series' writers to be told.
  WriterId writer = WriterId(0);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_REQUESTS_H_
