// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SERIES_COLLECTION_H_
#define PERCPUD_SERVER_SESSION_SERIES_COLLECTION_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/metrics/metric_tables.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/books.h"
#include "server/session/series/slice.h"
#include "server/session/transaction.h"

namespace percpud {

// The quarantine of series' memory: takes away the removed series of a namespace that nobody
// can write to any more and that every watcher has heard of, and shows those that have moved
// (removal.h has the states). Used by one thread.
class SeriesCollection {
 public:
  // Both outlive the object.
  SeriesCollection(Allocator& allocator, Books& books, absl::string_view name_space)
      : allocator_(allocator), books_(books), name_(name_space) {}

  // Returns how many series went: a slice at most.
  std::size_t Run();

 private:
  using EmptiedBlock = std::pair<metrics::Family*, PercpuPtr>;
  struct Outcome {
    SeriesSlice gone;
    SeriesSlice moved;
    std::vector<EmptiedBlock> blocks;
    std::vector<metrics::Family*> leaving;
  };

  // Adds the replaced families that have no series and may go to `empty`.
  static SeriesSlice Choose(Tables& tables, metrics::Namespace& name_space,
                            std::vector<metrics::Family*>& empty);
  static std::vector<EmptiedBlock> EmptiedBy(const SeriesSlice& gone);
  static std::vector<metrics::Family*> LeavingWith(const SeriesSlice& gone);
  static void PutRecords(Transaction& tx, const Outcome& outcome);
  static std::vector<metrics::Change> ChangesOf(const Outcome& outcome);
  static void Apply(Tables& tables, metrics::Namespace& name_space, const Outcome& outcome);
  std::size_t Commit(Transaction& tx, metrics::Namespace& name_space, SeriesSlice& slice,
                     const std::vector<metrics::Family*>& empty) const;

  Allocator& allocator_;
  Books& books_;
  const std::string name_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_COLLECTION_H_
