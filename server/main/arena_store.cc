// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/arena_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/arena/transparent_huge_pages.h"
#include "server/base/errors.h"
#include "server/base/file_identity.h"
#include "server/base/memory_limit.h"
#include "server/base/memory_room.h"
#include "server/base/path_lock.h"
#include "server/base/status_macros.h"
#include "server/main/fd_store.h"
#include "server/main/keep_aside.h"

namespace percpud {
namespace {

std::string BootId() {
  std::string id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
  return id;
}

std::string DirectoryOf(const std::string& path) {
  return std::filesystem::path(path).parent_path();
}

// Whether the file system of `directory` has room for `needed`.
absl::Status CheckFree(const std::string& directory, Bytes needed) {
  struct statvfs info {};
  if (statvfs(directory.c_str(), &info) != 0) return errors::OsRefused("statvfs", directory, errno);
  // A file system that does not count says 0 blocks in all.
  const Bytes free(std::uint64_t{info.f_bavail} * info.f_frsize);
  if (info.f_blocks == 0 || free >= needed) return absl::OkStatus();
  return errors::FileSystemFull(directory, needed, free);
}

bool IsOnOneFileSystem(const std::string& a, const std::string& b) {
  struct stat of_a {};
  struct stat of_b {};
  return stat(a.c_str(), &of_a) == 0 && stat(b.c_str(), &of_b) == 0 && of_a.st_dev == of_b.st_dev;
}

}  // namespace

ArenaStore::ArenaStore(const DaemonConfig& config, std::string layout, BeforeStep before_step)
    : places_{.file = config.arena_file, .catalog = config.catalog},
      discard_(config.discard),
      layout_(std::move(layout)),
      before_step_(std::move(before_step)),
      options_{.size = config.arena_size,
               .page_size = config.page_size,
               .transparent_huge_pages = config.transparent_huge_pages} {
  const bool by_manager = places_.file.empty() && !places_.catalog.empty() && IsService();
  is_kept_ = !places_.file.empty() || by_manager;
  if (!places_.file.empty()) {
    options_.kind =
        absl::StrCat("file ", places_.file, ": outlives the daemon, ends with the host");
  } else if (by_manager) {
    options_.kind = "memfd kept by systemd: outlives the daemon, ends when the unit stops";
  }
}

ArenaStore::~ArenaStore() {
  if (is_settled_ || !grown_from_) return;
  // Nobody was served, so there is nothing in the part that goes.
  static_cast<void>(ftruncate(arena_->fd(), static_cast<off_t>(grown_from_->value())));
}

absl::Status ArenaStore::CheckSystem(const DaemonConfig& config) {
  if (!config.transparent_huge_pages) return absl::OkStatus();
  return CheckTransparentHugePages(DirectoryOf(config.arena_file));
}

absl::Status ArenaStore::Step(absl::string_view name) const {
  return before_step_ ? before_step_(name) : absl::OkStatus();
}

// --- Looking -------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<ArenaStore>> ArenaStore::Open(const DaemonConfig& config,
                                                             std::string layout,
                                                             BeforeStep before_step) {
  std::unique_ptr<ArenaStore> out(
      new ArenaStore(config, std::move(layout), std::move(before_step)));
  RETURN_IF_ERROR(CheckSystem(config));
  if (!out->is_kept_) {
    RETURN_IF_ERROR(out->MakeArena("the arena ends with the daemon"));
    return out;
  }
  RETURN_IF_ERROR(out->Step("lock"));
  ASSIGN_OR_RETURN(out->locks_, StartLocks::Take(out->places_.file, out->places_.catalog));
  RETURN_IF_ERROR(out->Step("look"));
  ASSIGN_OR_RETURN(out->left_, LookAtLeftBehind(out->places_));
  const absl::Status judged = JudgeLeftBehind(out->left_, {.layout = out->layout_,
                                                           .size = out->options_.size,
                                                           .boot_id = BootId(),
                                                           .can_grow = !out->places_.file.empty()});
  if (judged.ok()) {
    RETURN_IF_ERROR(out->AdoptLeftBehind());
  } else {
    RETURN_IF_ERROR(out->MakeArena(std::string(judged.message())));
  }
  return out;
}

absl::Status ArenaStore::AdoptLeftBehind() {
  assert(left_.arena.ok() && left_.remembered.has_value());
  RETURN_IF_ERROR(Step("adopt"));
  // The arena keeps one descriptor; what was left keeps another, in case the start
  // turns cold.
  UniqueFd fd(dup(left_.arena.get()));
  if (!fd.ok()) return errors::OsRefused("dup", "arena", errno);
  if (left_.identity.size != options_.size) {
    if (ftruncate(fd.get(), static_cast<off_t>(options_.size.value())) != 0) {
      return errors::OsRefused("ftruncate", places_.file, errno);
    }
    grown_from_ = left_.remembered->contents.arena.file.size;
  }
  absl::StatusOr<std::unique_ptr<Arena>> arena = Arena::Adopt(std::move(fd), options_);
  if (!arena.ok() && grown_from_) {
    static_cast<void>(ftruncate(left_.arena.get(), static_cast<off_t>(grown_from_->value())));
    grown_from_.reset();
  }
  RETURN_IF_ERROR(arena.status());
  arena_ = *std::move(arena);
  catalog_ = std::move(left_.catalog);
  remembered_ = std::exchange(left_.remembered, std::nullopt);
  record_ = remembered_->contents.arena;
  record_.file.size = options_.size;
  ++record_.epoch;
  verdict_ = absl::StrCat(
      "warm: ", remembered_->state.areas.size(), " areas, ", remembered_->contents.chunks.size(),
      " chunks, ", remembered_->contents.sessions.size(), " sessions, epoch ", record_.epoch);
  if (grown_from_ && *grown_from_ != options_.size) {
    absl::StrAppend(&verdict_, "; the arena grows from ", Format(*grown_from_), " to ",
                    Format(options_.size));
  }
  return absl::OkStatus();
}

absl::Status ArenaStore::TurnCold(const std::string& why) {
  assert(remembered_.has_value());
  if (grown_from_) {
    static_cast<void>(ftruncate(arena_->fd(), static_cast<off_t>(grown_from_->value())));
    grown_from_.reset();
  }
  // What cannot be restored is not empty, whatever it tells of.
  left_.catalog_verdict = absl::DataLossError(why);
  remembered_.reset();
  arena_.reset();
  catalog_.reset();
  return MakeArena(why);
}

// --- Making --------------------------------------------------------------------

absl::Status ArenaStore::MakeArena(const std::string& why) {
  verdict_ = absl::StrCat("cold: ", why);
  RETURN_IF_ERROR(Step("make arena"));
  if (is_kept_) {
    ASSIGN_OR_RETURN(fresh_, FreshArena::Make(places_, options_));
    arena_ = fresh_->TakeArena();
  } else {
    ASSIGN_OR_RETURN(arena_, Arena::Create(options_));
  }
  ASSIGN_OR_RETURN(const FileIdentity file, IdentifyFile(arena_->fd()));
  record_ = {.id = Sessions::RandomToken(),
             .file = file,
             .boot_id = BootId(),
             .layout = layout_,
             .epoch = 1};
  return absl::OkStatus();
}

absl::Status ArenaStore::CheckRoom(Bytes first_chunk) const {
  const std::optional<MemoryLimit> limit = ReadMemoryLimit();
  if (limit && first_chunk > limit->left()) {
    return errors::OverMemoryLimit("the first chunk", first_chunk, limit->left(), limit->limit,
                                   limit->group);
  }
  if (!is_kept_) return absl::OkStatus();
  const Bytes catalog = catalog::Store::Options{}.initial;
  if (places_.file.empty()) return CheckFree(places_.catalog, catalog);
  const std::string directory = DirectoryOf(places_.file);
  if (IsOnOneFileSystem(directory, places_.catalog)) {
    return CheckFree(directory, first_chunk + catalog);
  }
  RETURN_IF_ERROR(CheckFree(directory, first_chunk));
  return CheckFree(places_.catalog, catalog);
}

absl::Status ArenaStore::Prepare(Bytes first_chunk) {
  assert(arena_ != nullptr && !is_settled_);
  if (remembered_) return absl::OkStatus();
  RETURN_IF_ERROR(Step("check room"));
  RETURN_IF_ERROR(CheckRoom(first_chunk));
  if (!is_kept_) return absl::OkStatus();
  RETURN_IF_ERROR(Step("make catalog"));
  ASSIGN_OR_RETURN(catalog_, fresh_->MakeCatalog());
  return absl::OkStatus();
}

// --- Settling ------------------------------------------------------------------

absl::Status ArenaStore::Begin() {
  if (catalog_ == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(Step("begin"));
  catalog::Changes changes;
  changes.PutFormat();
  changes.Put(record_);
  RETURN_IF_ERROR(catalog_->Commit(std::move(changes)));
  if (catalog_->GetStats().is_full) {
    absl::StrAppend(&verdict_, "; the catalog is full at ", Format(catalog_->GetStats().size),
                    ": only what is freed makes room");
  }
  return absl::OkStatus();
}

absl::Status ArenaStore::Settle() {
  assert(arena_ != nullptr && !is_settled_);
  if (is_kept_) RETURN_IF_ERROR(fresh_ ? SettleCold() : SettleWarm());
  is_settled_ = true;
  if (is_kept_) {
    settled_catalog_ =
        UniqueFd(open(absl::StrCat(places_.catalog, "/data.mdb").c_str(), O_PATH | O_CLOEXEC));
  }
  fresh_.reset();
  left_ = {};
  arena_->set_room(std::make_unique<MemoryRoom>(MemoryRoom::Options{.clock = &clock_}));
  return absl::OkStatus();
}

std::vector<std::string> ArenaStore::MissingFiles() const {
  assert(is_settled_);
  std::vector<std::string> out;
  if (!places_.file.empty() && !NamesFile(places_.file, arena_->fd())) {
    out.push_back(absl::StrCat("arena ", places_.file));
  }
  const std::string data = absl::StrCat(places_.catalog, "/data.mdb");
  if (settled_catalog_.ok() && !NamesFile(data, settled_catalog_.get())) {
    out.push_back(absl::StrCat("catalog ", data));
  }
  return out;
}

absl::Status ArenaStore::SettleWarm() {
  if (!left_.is_aside) return absl::OkStatus();
  // The arena was found under the name for old ones.
  RETURN_IF_ERROR(Step("store"));
  ForgetStoredFd(kStoredName);
  if (!StoreFd(kStoredName, arena_->fd())) return errors::StoreRefused();
  ForgetStoredFd(kStoredAsideName);
  return absl::OkStatus();
}

absl::Status ArenaStore::SettleCold() {
  RETURN_IF_ERROR(MakeWay());
  if (places_.file.empty()) {
    RETURN_IF_ERROR(Step("store"));
    if (!StoreFd(kStoredName, arena_->fd())) return errors::StoreRefused();
  }
  RETURN_IF_ERROR(Step("catalog in place"));
  RETURN_IF_ERROR(fresh_->PutCatalogInPlace());
  RETURN_IF_ERROR(Step("arena in place"));
  RETURN_IF_ERROR(fresh_->PutArenaInPlace());
  return absl::OkStatus();
}

// What tells of nothing is not worth a place that something may have; nor is a
// catalog whose arena is gone.
bool ArenaStore::IsWorthKeeping() const {
  if (left_.arena.ok()) return !left_.IsEmpty();
  return !absl::IsNotFound(left_.catalog_verdict) && !left_.IsEmpty() && !HasAside(places_);
}

absl::Status ArenaStore::MakeWay() {
  const bool is_there = left_.arena.ok() || !absl::IsNotFound(left_.catalog_verdict);
  const bool keeps = !discard_ && IsWorthKeeping();
  if (discard_ && is_there) absl::StrAppend(&verdict_, "; what was there is wiped");
  RETURN_IF_ERROR(Step("keep aside"));
  if (keeps) {
    ASSIGN_OR_RETURN(const std::string kept, KeepFilesAside(places_));
    absl::StrAppend(&verdict_, kept);
  }
  if (!places_.file.empty()) return absl::OkStatus();
  if (keeps) {
    absl::StrAppend(&verdict_, KeepStoredAside(left_));
  } else if (left_.arena.ok()) {
    ForgetStoredFd(kStoredName);
  }
  return absl::OkStatus();
}

}  // namespace percpud
