// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/left_behind.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/main/fd_store.h"
#include "server/main/layout_fingerprint.h"

namespace percpud {
namespace {

absl::Status OpenArena(const ArenaPlaces& places, LeftBehind& left) {
  if (places.file.empty()) {
    left.arena = TakeStoredFd(kStoredName);
    left.aside = TakeStoredFd(kStoredAsideName);
    return absl::OkStatus();
  }
  left.arena = UniqueFd(open(places.file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (left.arena.ok() || errno == ENOENT) return absl::OkStatus();
  return errors::OsRefused("open", places.file, errno);
}

// A start that was killed while it settled may have left the catalog's arena under
// the other name.
absl::Status PreferTheCatalogsArena(LeftBehind& left) {
  if (!left.aside.ok() || !left.remembered) return absl::OkStatus();
  const FileIdentity& wanted = left.remembered->contents.arena.file;
  if (left.arena.ok()) {
    ASSIGN_OR_RETURN(const FileIdentity arena, IdentifyFile(left.arena.get()));
    if (arena == wanted) return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const FileIdentity aside, IdentifyFile(left.aside.get()));
  if (!(aside == wanted)) return absl::OkStatus();
  std::swap(left.arena, left.aside);
  left.is_aside = true;
  return absl::OkStatus();
}

}  // namespace

bool LeftBehind::IsEmpty() const {
  if (!remembered) return is_unbegun;
  const catalog::Contents& contents = remembered->contents;
  return contents.areas == 0 && contents.variables.empty() && contents.leases.empty();
}

absl::StatusOr<LeftBehind> LookAtLeftBehind(const ArenaPlaces& places) {
  LeftBehind left;
  RETURN_IF_ERROR(OpenArena(places, left));
  left.catalog_verdict = catalog::Inspect(places.catalog);
  if (!left.catalog_verdict.ok() && !catalog::IsAboutContent(left.catalog_verdict)) {
    return left.catalog_verdict;
  }
  left.is_unbegun = absl::IsNotFound(left.catalog_verdict) &&
                    access(absl::StrCat(places.catalog, "/data.mdb").c_str(), F_OK) == 0;
  if (left.catalog_verdict.ok()) {
    ASSIGN_OR_RETURN(left.catalog,
                     catalog::Catalog::Open({.path = places.catalog, .is_locked = true}));
    absl::StatusOr<Remembered> remembered = Remember(*left.catalog);
    if (remembered.ok()) {
      left.remembered = *std::move(remembered);
    } else if (catalog::IsAboutContent(remembered.status())) {
      left.catalog_verdict = remembered.status();
      left.catalog.reset();
    } else {
      return remembered.status();
    }
  }
  RETURN_IF_ERROR(PreferTheCatalogsArena(left));
  if (left.arena.ok()) {
    ASSIGN_OR_RETURN(left.identity, IdentifyFile(left.arena.get()));
  }
  return left;
}

absl::Status JudgeLeftBehind(const LeftBehind& left, const WantedArena& wanted) {
  if (!left.catalog_verdict.ok()) {
    const bool nothing = absl::IsNotFound(left.catalog_verdict) && !left.arena.ok();
    return nothing ? absl::NotFoundError("nothing was there") : left.catalog_verdict;
  }
  const catalog::Arena& record = left.remembered->contents.arena;
  if (!left.arena.ok()) {
    return absl::NotFoundError("the arena is gone that the catalog tells of");
  }
  if (record.boot_id != wanted.boot_id) {
    return absl::NotFoundError("the host has been started since, and kept no memory");
  }
  // A start that was to grow it, and failed, may have left a file longer.
  const Bytes there = left.identity.size;
  if (there < record.file.size || (there > record.file.size && !wanted.can_grow)) {
    return absl::DataLossError(absl::StrCat("the arena has ", Format(there), ", not the ",
                                            Format(record.file.size), " it was left with"));
  }
  FileIdentity expected = record.file;
  expected.size = there;
  if (!(left.identity == expected)) {
    return absl::NotFoundError("the catalog tells of another arena than the one that is there");
  }
  if (record.layout != wanted.layout) {
    return absl::FailedPreconditionError(
        absl::StrCat("another layout: ", LayoutDifference(record.layout, wanted.layout)));
  }
  if (wanted.size < record.file.size || (wanted.size > record.file.size && !wanted.can_grow)) {
    return absl::FailedPreconditionError(absl::StrCat("arena_size: ", Format(wanted.size),
                                                      " is not the ", Format(record.file.size),
                                                      " that are there"));
  }
  return absl::OkStatus();
}

}  // namespace percpud
