// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Which series nobody moves. A family may say how long its series stay unmoved: then
// their sums are looked at now and then, and one that has stayed the same for as long is
// removed, as a client would remove it. What writers set, the dead too, is looked at as it is.

#ifndef PERCPUD_SERVER_SESSION_SERIES_EXPIRY_H_
#define PERCPUD_SERVER_SESSION_SERIES_EXPIRY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/identity.h"
#include "server/metrics/metric_tables.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/books.h"

namespace percpud {

// Used by one thread, and by the same one always.
class SeriesExpiry {
 public:
  // A series to be removed if its cells still come to `sums`.
  struct Idle {
    SeriesId series;
    std::vector<metrics::CountSum> sums;
  };
  struct IdleFamily {
    std::string name_space;
    FamilyId family;
    std::vector<Idle> series;
  };

  // Both outlive the object.
  SeriesExpiry(const Allocator& allocator, const Books& books)
      : allocator_(allocator), books_(books) {}

  // Looks at the families whose turn it is, and returns what has not moved for too long.
  std::vector<IdleFamily> Look(BootTime now);

 private:
  struct Seen {
    std::vector<metrics::CountSum> sums;
    BootTime since;
  };
  struct Family {
    std::string name_space;
    absl::Duration ttl;
    metrics::Shape shape;
    absl::flat_hash_map<SeriesId, Seen> series;
  };
  // A series as the books have it: its cells are read when their lock is free.
  struct Row {
    SeriesId series;
    PercpuPtr cells;
    bool hidden = false;
    // What a hidden one is measured from; null: there is none.
    std::unique_ptr<std::vector<metrics::CountSum>> baseline;
    // What dead writers have left, and the cells of live ones.
    std::vector<metrics::CountSum> left;
    std::vector<metrics::CellPlace> live;
  };

  // Families that have a time to live now; others are forgotten. Costs nothing as long as
  // they are the same.
  void Follow();
  [[nodiscard]] std::vector<Row> ListRows(FamilyId family) const;
  // Nothing if its memory was taken away.
  [[nodiscard]] std::optional<std::vector<metrics::CountSum>> Sum(const metrics::Shape& shape,
                                                                  const Row& row) const;
  void LookAt(FamilyId id, Family& family, BootTime now, std::vector<IdleFamily>& out) const;

  const Allocator& allocator_;
  const Books& books_;
  absl::flat_hash_map<FamilyId, Family> families_;
  // When each of them is looked at next.
  absl::btree_set<std::pair<BootTime, FamilyId>> turns_;
  // How often the families with a time to live had changed when they were followed.
  std::uint64_t followed_ = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_EXPIRY_H_
