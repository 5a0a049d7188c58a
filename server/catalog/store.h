// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_CATALOG_STORE_H_
#define PERCPUD_SERVER_CATALOG_STORE_H_

#include <lmdb.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/path_lock.h"
#include "server/catalog/changes.h"
#include "server/catalog/map_file.h"
#include "server/catalog/records.h"

namespace percpud::catalog {

// The catalog's file: an LMDB environment in a directory of its own.
//
// Written through the map without a sync (MDB_WRITEMAP, MDB_NOSYNC): what is
// committed lies in the page cache, which outlives the process and ends with
// the host, just as the arena does. Every page of the map is backed before it is
// used, so that a full disk refuses to grow and never faults; the last pages
// are kept for deletions, which have to work then.
//
// Not thread safe.
class Store {
 public:
  struct Options {
    std::string path;
    // Where the catalog will lie once it is moved, for errors; empty: at `path`.
    std::string final_path;
    // The caller holds the directory's lock, or that of the directory it lies in.
    bool is_locked = false;
    Bytes initial{1 << 20};
    Bytes limit{std::uint64_t{1} << 40};
    // Tells when a full disk is asked again. Outlives the store; null for the host's.
    const Clock* clock = nullptr;
    // Asked before each commit: true refuses it, as a full disk would. For tests.
    std::function<bool()> is_full = nullptr;
  };

  // Makes the directory if there is none. Errors: CatalogInUse, what the system
  // or LMDB said. REQUIRES: Inspect() found no fault with what is there.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const Options& options);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Commits all changes together. Errors: CatalogFull, CatalogFailed; nothing is
  // changed then.
  absl::Status Apply(std::span<const Changes* const> batch);

  // Reads everything there is; areas by ascending pointer, one by one. False from
  // `on_area` ends it. Errors: CatalogDamaged.
  absl::StatusOr<Contents> Load(const OnArea& on_area) const;

  [[nodiscard]] Bytes size() const { return file_.size(); }
  // Whether the last change that adds a record was refused for lack of room.
  [[nodiscard]] bool is_full() const { return is_full_; }

 private:
  Store(Options options, std::optional<PathLock> lock);

  absl::Status OpenTables();
  // An LMDB code.
  int TryApply(std::span<const Changes* const> batch);

  const Options options_;
  const std::optional<PathLock> lock_;
  MapFile file_;
  std::array<MDB_dbi, kTables> tables_{};
  bool is_full_ = false;
};

// Whether a catalog is there and every record of it can be read. Changes nothing. A
// process of its own reads it, so that no damage whatever can harm this one.
//
// What is the matter with the content is NOT_FOUND if nothing is there or nothing
// was ever entered, CatalogDamaged, or FAILED_PRECONDITION for another format. What
// the system refuses (a file that may not be opened, no memory, no process, a reader
// that was killed or takes longer than a minute) is OsRefused or CatalogUnreadable,
// and says nothing of the content. REQUIRES: the caller holds the directory's lock.
absl::Status Inspect(const std::string& path);

// True for a verdict of Inspect or Load that is about what the catalog holds; false
// for what the system refused. REQUIRES: `verdict` is not OK.
bool IsAboutContent(const absl::Status& verdict);

}  // namespace percpud::catalog

#endif  // PERCPUD_SERVER_CATALOG_STORE_H_
