// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Rows of metrics as records of the catalog, and back.

#ifndef PERCPUD_SERVER_SESSION_SERIES_RECORDS_H_
#define PERCPUD_SERVER_SESSION_SERIES_RECORDS_H_

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "server/catalog/changes.h"
#include "server/catalog/records.h"
#include "server/metrics/metric_tables.h"
#include "server/metrics/writer_table.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/session/access/caller.h"
#include "server/session/books.h"

namespace percpud {

catalog::Namespace RecordOf(const metrics::Namespace& name_space);
catalog::Family RecordOf(const metrics::Family& family);
catalog::Series RecordOf(FamilyId family, const metrics::Series& series);
catalog::MetricWriter RecordOf(const metrics::Writer& writer);
catalog::SeriesWriter RecordOf(SeriesId series, WriterId id, const metrics::SeriesWriter& writer);

// Fills the empty tables of metrics. What sessions that have ended left is deleted with
// `stale`, but for their writers, which are still to be folded. REQUIRES: the sessions are
// restored. Errors: NotRestorable.
absl::Status RestoreMetrics(Tables& tables, const catalog::Contents& contents,
                            const absl::flat_hash_map<PercpuPtr, Bytes>& areas,
                            const AllocInfo& info, catalog::Changes& stale);

// The last session that may have a series of the namespace open; kNoSession: none may.
SessionId LastJoined(const metrics::Namespace& name_space);

// Who made the namespace, and is charged for what is in it.
Identity OwnerOf(const metrics::Namespace& name_space);
inline Usage UsageOfRecords(Bytes bytes) {
  return {.bytes = Bytes(0), .areas = 0, .leases = 0, .records = bytes};
}
// Charges the namespace's owner for what the catalog needs for all that is in it by now, whatever
// the quotas: what makes more of it has asked before.
void SettleCharge(Tables& tables, metrics::Namespace& name_space);
// OK if the caller may change what is in the namespace: its owner, a member of its group, or
// an operator. Errors: NotNamespaceOwner.
absl::Status CheckMayWrite(const Tables& tables, const metrics::Namespace& name_space,
                           const Caller& caller);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_RECORDS_H_
