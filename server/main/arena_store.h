// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The arena and its catalog, found or made: what a daemon starts from.
//
//   lock      arena and catalog, before anybody looks at them       StartLocks
//   look      read what an earlier daemon left                      LookAtLeftBehind
//   judge     by content alone: warm, or cold and why               JudgeLeftBehind
//   make      cold: an arena and a catalog beside what is there     FreshArena
//   (here the daemon builds all that can fail: backend, first chunk, sockets, server)
//   begin     enter in the catalog who has the arena now
//   settle    cold: keep aside what is there, put what is new in its place
//
// Up to the last step everything that an earlier daemon left is where it was, and
// whatever this start made goes when the store goes. So a start that is refused, by
// the configuration or by the system, changes nothing.

#ifndef PERCPUD_SERVER_MAIN_ARENA_STORE_H_
#define PERCPUD_SERVER_MAIN_ARENA_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/arena/arena.h"
#include "server/base/clock.h"
#include "server/base/identity.h"
#include "server/catalog/catalog.h"
#include "server/main/config.h"
#include "server/main/fresh_arena.h"
#include "server/main/left_behind.h"
#include "server/main/start_locks.h"
#include "server/session/recovery.h"

namespace percpud {

// Not thread safe, until it is settled; then the arena and the catalog are used as
// they say themselves.
class ArenaStore {
 public:
  // Called before each step of a start with the step's name. A test refuses the
  // step by a status, or ends the process.
  using BeforeStep = std::function<absl::Status(absl::string_view step)>;

  // Locks, looks and judges; the arena is there when it returns. `layout` is
  // LayoutText's. Errors: what the system refused, CatalogInUse, ArenaInUse; never
  // because of what an earlier daemon left.
  static absl::StatusOr<std::unique_ptr<ArenaStore>> Open(const DaemonConfig& config,
                                                          std::string layout,
                                                          BeforeStep before_step = {});
  // Whether the system has what the configuration asks of it. Errors:
  // NoTransparentHugePages.
  static absl::Status CheckSystem(const DaemonConfig& config);
  ~ArenaStore();
  ArenaStore(const ArenaStore&) = delete;
  ArenaStore& operator=(const ArenaStore&) = delete;

  // What was granted, if the daemon can go on with it: the start is warm.
  [[nodiscard]] const std::optional<Remembered>& remembered() const { return remembered_; }
  // Makes a warm start cold after all: `why` completes "cold: ". REQUIRES: the start is warm.
  absl::Status TurnCold(const std::string& why);
  // For a cold start: makes sure that a first chunk of that size and a catalog find
  // room, and makes the catalog. Errors: FileSystemFull, OverMemoryLimit,
  // Store::Open's.
  absl::Status Prepare(Bytes first_chunk);
  // Enters that this daemon has the arena, and commits everything entered so far.
  absl::Status Begin();
  // The start has succeeded: whatever it made stays, and takes its place. Errors:
  // what the system refused; StoreRefused.
  absl::Status Settle();

  // Names the files in use that are no longer at their paths: "arena PATH" and so on.
  // Thread safe. REQUIRES: the store is settled.
  [[nodiscard]] std::vector<std::string> MissingFiles() const;

  // One line for the log: "warm: ..." or "cold: ...".
  [[nodiscard]] const std::string& verdict() const { return verdict_; }
  [[nodiscard]] Arena& arena() const { return *arena_; }
  // The catalog; null if the arena ends with the daemon.
  [[nodiscard]] catalog::Catalog* catalog() const { return catalog_.get(); }
  [[nodiscard]] const Token& id() const { return record_.id; }
  [[nodiscard]] std::uint64_t epoch() const { return record_.epoch; }

 private:
  ArenaStore(const DaemonConfig& config, std::string layout, BeforeStep before_step);

  [[nodiscard]] absl::Status Step(absl::string_view name) const;
  absl::Status AdoptLeftBehind();
  absl::Status MakeArena(const std::string& why);
  [[nodiscard]] absl::Status CheckRoom(Bytes first_chunk) const;
  [[nodiscard]] bool IsWorthKeeping() const;
  absl::Status SettleWarm();
  absl::Status SettleCold();
  absl::Status MakeWay();

  ArenaPlaces places_;
  // Nobody keeps the bytes: there is nothing to find, and nothing to tell of them.
  bool is_kept_ = false;
  bool discard_ = false;
  std::string layout_;
  BeforeStep before_step_;
  Arena::Options options_;

  std::unique_ptr<StartLocks> locks_;
  LeftBehind left_;
  // How long a file arena was before this start made it longer; put back if the
  // start fails.
  std::optional<Bytes> grown_from_;
  std::unique_ptr<FreshArena> fresh_;

  catalog::Arena record_;
  const SystemClock clock_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::optional<Remembered> remembered_;
  std::string verdict_;
  bool is_settled_ = false;
  // The catalog's file, as it was when the start had settled.
  UniqueFd settled_catalog_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_ARENA_STORE_H_
