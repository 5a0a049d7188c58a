// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The arena and its catalog, found or made: what a daemon starts from.
//
//   arena file or stored memfd --+
//                                +--> same identity, same boot, same layout,
//   catalog, read by a child ----+    every record sound?   yes: warm
//                                                           no:  cold, and why
//
// Cold over something that is there keeps it: the file and the catalog are
// renamed to NAME.old-N, a memfd stays in the store under another name. Only
// --discard wipes.

#ifndef PERCPUD_SERVER_MAIN_ARENA_STORE_H_
#define PERCPUD_SERVER_MAIN_ARENA_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/arena/arena.h"
#include "server/base/identity.h"
#include "server/catalog/catalog.h"
#include "server/main/config.h"
#include "server/session/restart.h"

namespace percpud {

class Memory {
 public:
  // Finds what there is. `layout` is LayoutText's. Errors: what the system said,
  // CatalogInUse; never because of what an earlier daemon left.
  static absl::StatusOr<Memory> Open(const DaemonConfig& config, std::string layout);
  // Whether the system has what the configuration asks of it, before anything of
  // an earlier daemon is touched for its sake. Errors: NoTransparentHugePages.
  static absl::Status CheckSystem(const DaemonConfig& config);

  // What was granted, if it can be gone on with.
  [[nodiscard]] const std::optional<Remembered>& remembered() const { return remembered_; }
  // Takes back that it can: `why` completes "cold: ". Makes everything anew.
  absl::Status StartCold(const std::string& why);
  // Enters who has the arena now, and commits it with all that was entered
  // before: from here on the catalog is good.
  absl::Status Begin();
  // One line for the log: "warm: ..." or "cold: ...".
  [[nodiscard]] const std::string& verdict() const { return verdict_; }

  [[nodiscard]] Arena& arena() const { return *arena_; }
  // Null if nobody will need one.
  [[nodiscard]] catalog::Catalog* catalog() const { return catalog_.get(); }
  [[nodiscard]] const Token& id() const { return record_.id; }
  [[nodiscard]] std::uint64_t epoch() const { return record_.epoch; }

 private:
  Memory(const DaemonConfig& config, std::string layout);

  absl::Status OpenFile();
  // OK if all is as it was left; otherwise why not.
  absl::Status TryWarm();
  [[nodiscard]] absl::Status CheckRecord(const catalog::Arena& record) const;
  absl::Status MakeArena();
  absl::Status SetAside();

  std::string file_;
  std::string path_;
  bool discard_ = false;
  bool kept_by_manager_ = false;
  std::string layout_;
  Arena::Options options_;
  UniqueFd found_;
  // The store has an arena that an earlier start kept aside.
  bool kept_aside_ = false;
  catalog::Arena record_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::optional<Remembered> remembered_;
  std::string verdict_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_ARENA_STORE_H_
