// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A new arena and a new catalog, made beside what is there:
//
//   PATH                        PATH.percpud-new                    a file arena
//   CATALOG/data.mdb            CATALOG/percpud-new/data.mdb
//
// They take the place of what is there only when all that can fail has succeeded. The
// catalog goes first, and changes places with the old one, so that it can be put back
// if the arena's rename fails. A daemon killed in between leaves a catalog that tells
// of nothing, beside the old arena.

#ifndef PERCPUD_SERVER_MAIN_FRESH_ARENA_H_
#define PERCPUD_SERVER_MAIN_FRESH_ARENA_H_

#include <cassert>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/arena/arena.h"
#include "server/catalog/catalog.h"
#include "server/main/left_behind.h"

namespace percpud {

// Not thread safe.
class FreshArena {
 public:
  // Makes the arena, sparse. Removes what a start that was killed left under the
  // new names. REQUIRES: the caller holds StartLocks of the places. Errors:
  // Arena::Create's, BadConfig (page_size), OsRefused.
  static absl::StatusOr<std::unique_ptr<FreshArena>> Make(const ArenaPlaces& places,
                                                          const Arena::Options& options);
  // Removes what is not in place. Puts the old catalog back if the arena is not.
  ~FreshArena();
  FreshArena(const FreshArena&) = delete;
  FreshArena& operator=(const FreshArena&) = delete;

  // Hands over the arena. REQUIRES: it has not been taken.
  std::unique_ptr<Arena> TakeArena() {
    assert(arena_ != nullptr);
    return std::move(arena_);
  }
  // Makes an empty catalog. Errors: Store::Open's.
  absl::StatusOr<std::unique_ptr<catalog::Catalog>> MakeCatalog();

  // Errors: OsRefused; the two steps are on their own so that a start can be ended
  // between them.
  absl::Status PutCatalogInPlace();
  absl::Status PutArenaInPlace();

 private:
  explicit FreshArena(ArenaPlaces places) : places_(std::move(places)) {}

  absl::Status MakeFile(const Arena::Options& options);
  [[nodiscard]] std::string new_file() const;
  [[nodiscard]] std::string new_catalog() const;
  // Removes the directory of the new catalog, with what is in it by now.
  void RemoveCatalog() const;

  const ArenaPlaces places_;
  std::unique_ptr<Arena> arena_;
  bool has_file_ = false;
  bool has_catalog_ = false;
  // How the new catalog came to its place while the arena is not at its own: in
  // exchange for the old one, or where there was none.
  bool is_exchanged_ = false;
  bool is_first_ = false;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_FRESH_ARENA_H_
