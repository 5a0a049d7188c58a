// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What an earlier daemon left, looked at and not touched; and what that means for
// this start.

#ifndef PERCPUD_SERVER_MAIN_LEFT_BEHIND_H_
#define PERCPUD_SERVER_MAIN_LEFT_BEHIND_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/file_identity.h"
#include "server/base/unique_fd.h"
#include "server/base/units.h"
#include "server/catalog/catalog.h"
#include "server/session/recovery.h"

namespace percpud {

// Where the arena and the catalog are.
struct ArenaPlaces {
  // Path of the arena; empty for a memfd that the service manager keeps.
  std::string file;
  // Directory of the catalog.
  std::string catalog;
};

// Names in the service manager's store: of the arena, and of one that was kept
// aside.
inline constexpr char kStoredName[] = "percpud-arena";
inline constexpr char kStoredAsideName[] = "percpud-arena-old";

struct LeftBehind {
  // The arena, if there is one, and which file it is.
  UniqueFd arena;
  FileIdentity identity;
  // The store's other arena, if it has one; `is_aside` says that the catalog tells
  // of that one, which is then in `arena`.
  UniqueFd aside;
  bool is_aside = false;
  // OK, or what is the matter with the catalog's content.
  absl::Status catalog_verdict;
  // True for a catalog in which nothing was ever entered: a start failed half-way.
  bool is_unbegun = false;
  // Set if the verdict is OK.
  std::unique_ptr<catalog::Catalog> catalog;
  std::optional<Remembered> remembered;

  // Whether the catalog tells of nothing that was granted.
  [[nodiscard]] bool IsEmpty() const;
};

// REQUIRES: the caller holds StartLocks of the places. Errors: what the system
// refused, which says nothing of what was left.
absl::StatusOr<LeftBehind> LookAtLeftBehind(const ArenaPlaces& places);

// What this start wants of the arena.
struct WantedArena {
  std::string layout;
  Bytes size;
  std::string boot_id;
  // A file can grow; a memfd is sealed.
  bool can_grow = false;
};

// OK if the daemon can go on with what was left; otherwise why not, to complete
// "cold: ". Decides by content alone: format, layout, boot, structure. Pure.
absl::Status JudgeLeftBehind(const LeftBehind& left, const WantedArena& wanted);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_LEFT_BEHIND_H_
