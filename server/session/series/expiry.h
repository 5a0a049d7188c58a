// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Which series nobody moves. A family may say how long its series stay unmoved: then
// their sums are looked at now and then, and one that has stayed the same for as long is
// removed, as a client would remove it.

#ifndef PERCPUD_SERVER_SESSION_SERIES_EXPIRY_H_
#define PERCPUD_SERVER_SESSION_SERIES_EXPIRY_H_

#include <cstdint>
#include <string>
#include <vector>

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
    BootTime next_look;
    absl::flat_hash_map<SeriesId, Seen> series;
  };
  struct Shown {
    SeriesId series;
    PercpuPtr cells;
  };

  // Families that have a time to live now; others are forgotten.
  void Follow();
  [[nodiscard]] std::vector<Shown> ListShown(FamilyId family) const;
  void LookAt(FamilyId id, Family& family, BootTime now, std::vector<IdleFamily>& out) const;

  const Allocator& allocator_;
  const Books& books_;
  absl::flat_hash_map<FamilyId, Family> families_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_EXPIRY_H_
