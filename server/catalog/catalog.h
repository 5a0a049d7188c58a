// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The catalog: what the daemon has granted, so that a restart can tell.
//
//   thread A   Enter(+area 0x40) --+
//   thread B   Enter(-area 0x80) --+--> [ queue ] --> one LMDB commit --> A, B, C answer
//   thread C   Enter(+lease)     --+
//
// Changes take effect in the order in which they are entered. A caller that orders
// things under a lock therefore enters them under that lock, and waits outside it.
// One of the threads that wait commits everything entered by then.

#ifndef PERCPUD_SERVER_CATALOG_CATALOG_H_
#define PERCPUD_SERVER_CATALOG_CATALOG_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/ranked_mutex.h"
#include "server/catalog/changes.h"
#include "server/catalog/records.h"
#include "server/catalog/store.h"

namespace percpud::catalog {

// Thread safe.
class Catalog {
 public:
  // Errors: Store::Open's.
  static absl::StatusOr<std::unique_ptr<Catalog>> Open(const Store::Options& options);

  // A place in the order of changes.
  enum class Ticket : std::uint64_t { kNothing = 0 };

  // Queues the changes; never blocks. Every ticket is to be awaited once. Returns
  // kNothing if nothing changes.
  [[nodiscard]] Ticket Enter(Changes changes);
  // Returns when the changes are committed, or are not and never will be.
  // Errors: CatalogFull, CatalogFailed.
  absl::Status Await(Ticket ticket);
  absl::Status Commit(Changes changes) { return Await(Enter(std::move(changes))); }
  // Enters changes that can no longer be refused: they go with the next commit, and
  // as long as they fail, so does everything else that adds a record. The ticket need
  // not be awaited; OK if it is.
  Ticket EnterOwed(Changes changes);

  // Reads everything; nothing is committed meanwhile. Errors: CatalogDamaged.
  absl::StatusOr<Contents> Load(const OnArea& on_area);

  struct Stats {
    // LMDB transactions, and changes entered.
    std::uint64_t commits = 0;
    std::uint64_t changes = 0;
    std::uint64_t refused = 0;
    Bytes size;
    // The last change that adds a record was refused for lack of room.
    bool is_full = false;
  };
  [[nodiscard]] Stats GetStats() const;

 private:
  struct Entry {
    std::uint64_t number = 0;
    bool owed = false;
    Changes changes;
    absl::Status status;
  };
  using Entries = std::vector<Entry>;

  explicit Catalog(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  // On the thread that leads, without the lock.
  void CommitAll(Entries& entries);
  void CommitEach(Entries& entries);
  void Lead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Used by the thread that leads, and by no other.
  const std::unique_ptr<Store> store_;
  std::vector<Changes> owed_;

  mutable RankedMutex mu_{LockRank::kCatalog};
  bool leading_ ABSL_GUARDED_BY(mu_) = false;
  Entries queue_ ABSL_GUARDED_BY(mu_);
  // Emptied queues, for their memory.
  Entries spare_ ABSL_GUARDED_BY(mu_);
  std::uint64_t entered_ ABSL_GUARDED_BY(mu_) = 0;
  std::uint64_t settled_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<std::uint64_t, absl::Status> refusals_ ABSL_GUARDED_BY(mu_);
  Stats stats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace percpud::catalog

#endif  // PERCPUD_SERVER_CATALOG_CATALOG_H_
