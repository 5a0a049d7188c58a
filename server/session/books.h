// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The books: who is admitted, and what is whose. One lock guards all tables, and
// nothing of the allocator's is called under it. The tables are reached through
// Read, Update or a Transaction only, each of which takes the lock.

#ifndef PERCPUD_SERVER_SESSION_BOOKS_H_
#define PERCPUD_SERVER_SESSION_BOOKS_H_

#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/base/ranked_mutex.h"
#include "server/catalog/catalog.h"
#include "server/metrics/metric_tables.h"
#include "server/metrics/writer_table.h"
#include "server/session/area_ledger.h"
#include "server/session/holders.h"
#include "server/session/journal.h"
#include "server/session/lease_ledger.h"
#include "server/session/openers.h"
#include "server/session/session_limits.h"
#include "server/session/session_table.h"
#include "server/session/variable_table.h"

namespace percpud {

// Every table. A further kind of record is a further member here.
struct Tables {
  explicit Tables(const SessionLimits& initial)
      : limits(initial),
        holders(initial),
        areas(holders),
        leases(holders),
        variables(initial.variables_per_user) {}

  SessionLimits limits;
  SessionTable sessions;
  Holders holders;
  AreaLedger areas;
  LeaseLedger leases;
  VariableTable variables;
  Openers openers;
  metrics::MetricTables metrics;
  metrics::WriterTable writers;
};

// Thread safe.
class Books {
 public:
  // `catalog` may be null, and outlives the books.
  Books(const SessionLimits& limits, catalog::Catalog* catalog)
      : journal_(catalog), tables_(limits) {}
  Books(const Books&) = delete;
  Books& operator=(const Books&) = delete;

  // What `look` makes of the tables. It copies, and is short.
  template <typename Look>
  auto Read(Look look) const {
    RankedLock lock(&mu_);
    return look(std::as_const(tables_));
  }
  // A change that no record keeps: of limits, of times, of charges.
  template <typename Change>
  auto Update(Change change) {
    RankedLock lock(&mu_);
    return change(tables_);
  }
  [[nodiscard]] Journal& journal() { return journal_; }

 private:
  friend class Transaction;

  Journal journal_;
  mutable RankedMutex mu_{LockRank::kLeaf};
  Tables tables_ ABSL_GUARDED_BY(mu_);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_BOOKS_H_
