// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the books look like in the catalog: a record for each row.

#ifndef PERCPUD_SERVER_SESSION_JOURNAL_H_
#define PERCPUD_SERVER_SESSION_JOURNAL_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/catalog/catalog.h"
#include "server/catalog/records.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/holders.h"
#include "server/session/lease_ledger.h"
#include "server/session/openers.h"
#include "server/session/session_table.h"
#include "server/session/variable_table.h"

namespace percpud {

catalog::Session RecordOf(SessionId id, const Session& session);
catalog::Lease RecordOf(const LeaseRecord& lease);
catalog::Variable RecordOf(const Variable& variable);
catalog::Quarantined RecordOf(const QuarantinedArea& area);
catalog::Identity RecordOf(HolderId own, const Identity& identity);
catalog::Area RecordOf(PercpuPtr pointer, const AreaSpec& spec, HolderId owner,
                       absl::string_view tag);

// The catalog as the books see it. Without one nothing is kept, and every change
// is committed at once. Thread safe.
class Journal {
 public:
  using Ticket = catalog::Catalog::Ticket;

  // `catalog` may be null, and outlives the journal.
  explicit Journal(catalog::Catalog* catalog) : catalog_(catalog) {}

  // Whether anything is kept, so that records are worth being made.
  [[nodiscard]] bool keeps() const { return catalog_ != nullptr; }
  // Never block: for under the books' lock. Errors of EnterOwed's change nothing.
  [[nodiscard]] Ticket Enter(catalog::Changes changes) {
    return keeps() ? catalog_->Enter(std::move(changes)) : Ticket::kNothing;
  }
  Ticket EnterOwed(catalog::Changes changes) {
    return keeps() ? catalog_->EnterOwed(std::move(changes)) : Ticket::kNothing;
  }
  // Waits for the commit: without any lock. Errors: CatalogFull, CatalogFailed.
  absl::Status Await(Ticket ticket) {
    return ticket == Ticket::kNothing ? absl::OkStatus() : catalog_->Await(ticket);
  }

 private:
  catalog::Catalog* const catalog_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_JOURNAL_H_
