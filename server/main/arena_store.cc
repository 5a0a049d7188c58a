// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/arena_store.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/arena/transparent_huge_pages.h"
#include "server/base/errors.h"
#include "server/base/file_identity.h"
#include "server/main/fd_store.h"
#include "server/main/layout_fingerprint.h"

namespace percpud {
namespace {

constexpr char kStoredName[] = "percpud-arena";
// One that was kept aside; the store has room for few.
constexpr char kOldName[] = "percpud-arena-old";

std::string BootId() {
  std::string id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
  return id;
}

bool Exists(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0;
}

// The first free name of its kind.
std::string NameAside(const std::string& path) {
  for (int number = 1;; ++number) {
    std::string name = absl::StrCat(path, ".old-", number);
    if (!Exists(name)) return name;
  }
}

// Of a file or catalog that may not be there.
absl::StatusOr<std::string> MoveAside(const std::string& path) {
  if (!Exists(path)) return std::string();
  std::string name = NameAside(path);
  if (rename(path.c_str(), name.c_str()) == 0) return name;
  return errors::OsRefused("rename", path, errno);
}

absl::Status Wipe(const std::string& file, const std::string& catalog) {
  if (!file.empty()) unlink(file.c_str());
  if (catalog.empty()) return absl::OkStatus();
  for (const char* part : {"/data.mdb", "/lock"}) unlink(absl::StrCat(catalog, part).c_str());
  if (rmdir(catalog.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return errors::OsRefused("rmdir", catalog, errno);
}

// Huge pages are the file system's affair, not a flag's.
absl::Status CheckPageSize(int fd, const std::string& path, Bytes page_size) {
  struct statfs info {};
  if (fstatfs(fd, &info) != 0) return errors::OsRefused("fstatfs", path, errno);
  const bool is_huge = info.f_type == HUGETLBFS_MAGIC;
  const Bytes there = is_huge ? Bytes(info.f_bsize) : kBasePageSize;
  if (there == page_size) return absl::OkStatus();
  return errors::BadConfig("page_size", absl::StrCat(Format(page_size), " is not what ", path,
                                                     " lies on, which has ", Format(there)));
}

}  // namespace

Memory::Memory(const DaemonConfig& config, std::string layout)
    : file_(config.arena_file),
      path_(config.catalog),
      discard_(config.discard),
      kept_by_manager_(config.arena_file.empty() && !config.catalog.empty() && IsService()),
      layout_(std::move(layout)),
      options_{.size = config.arena_size,
               .page_size = config.page_size,
               .transparent_huge_pages = config.transparent_huge_pages} {
  if (!file_.empty()) {
    options_.kind = absl::StrCat("file ", file_, ": outlives the daemon, ends with the host");
  } else if (kept_by_manager_) {
    options_.kind = "memfd kept by systemd: outlives the daemon, ends when the unit stops";
  }
}

absl::Status Memory::CheckSystem(const DaemonConfig& config) {
  if (!config.transparent_huge_pages) return absl::OkStatus();
  return CheckTransparentHugePages(std::filesystem::path(config.arena_file).parent_path());
}

absl::StatusOr<Memory> Memory::Open(const DaemonConfig& config, std::string layout) {
  Memory out(config, std::move(layout));
  if (absl::Status status = CheckSystem(config); !status.ok()) return status;
  if (out.file_.empty() && !out.kept_by_manager_) {
    // Nobody keeps the bytes, so there is nothing to tell of them.
    out.path_.clear();
    out.verdict_ = "cold: the arena ends with the daemon";
    if (absl::Status status = out.MakeArena(); !status.ok()) return status;
    return out;
  }
  if (absl::Status status = out.OpenFile(); !status.ok()) return status;
  const absl::Status warm = out.TryWarm();
  if (warm.ok()) {
    out.verdict_ = absl::StrCat("warm: ", out.remembered_->state.areas.size(), " areas, ",
                                out.remembered_->contents.chunks.size(), " chunks, ",
                                out.remembered_->contents.sessions.size(), " sessions, epoch ",
                                out.record_.epoch);
    return out;
  }
  if (absl::IsUnavailable(warm)) return warm;
  if (absl::Status status = out.StartCold(std::string(warm.message())); !status.ok()) {
    return status;
  }
  return out;
}

absl::Status Memory::OpenFile() {
  if (file_.empty()) {
    found_ = TakeStoredFd(kStoredName);
    // The store's copy is enough.
    kept_aside_ = TakeStoredFd(kOldName).ok();
    return absl::OkStatus();
  }
  found_ = UniqueFd(open(file_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (found_.ok() || errno == ENOENT) return absl::OkStatus();
  return errors::OsRefused("open", file_, errno);
}

absl::Status Memory::TryWarm() {
  const absl::Status sound = catalog::Inspect(path_);
  if (!sound.ok()) {
    return absl::IsNotFound(sound) && !found_.ok() ? absl::NotFoundError("nothing was there")
                                                   : sound;
  }
  auto opened = catalog::Catalog::Open({.path = path_});
  // Held by a daemon that is alive: neither warm nor cold.
  if (!opened.ok()) return absl::UnavailableError(opened.status().message());
  catalog_ = *std::move(opened);
  absl::StatusOr<Remembered> remembered = Remember(*catalog_);
  if (!remembered.ok()) return remembered.status();
  record_ = remembered->contents.arena;
  if (absl::Status status = CheckRecord(record_); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Arena>> arena = Arena::Adopt(std::move(found_), options_);
  if (!arena.ok()) return arena.status();
  arena_ = *std::move(arena);
  remembered_ = *std::move(remembered);
  ++record_.epoch;
  return absl::OkStatus();
}

absl::Status Memory::CheckRecord(const catalog::Arena& record) const {
  if (!found_.ok()) return absl::NotFoundError("the arena is gone that the catalog tells of");
  const absl::StatusOr<FileIdentity> file = IdentifyFile(found_.get());
  if (!file.ok()) return file.status();
  if (record.boot_id != BootId()) {
    return absl::NotFoundError("the host has been started since, and kept no memory");
  }
  if (file->size != record.file.size) {
    return absl::DataLossError(absl::StrCat("the arena has ", Format(file->size), ", not the ",
                                            Format(record.file.size), " it was left with"));
  }
  if (!(*file == record.file)) {
    return absl::NotFoundError("the catalog tells of another arena than the one that is there");
  }
  if (record.layout != layout_) {
    return absl::FailedPreconditionError(
        absl::StrCat("another layout: ", LayoutDifference(record.layout, layout_)));
  }
  return absl::OkStatus();
}

absl::Status Memory::StartCold(const std::string& why) {
  remembered_.reset();
  arena_.reset();
  catalog_.reset();
  verdict_ = absl::StrCat("cold: ", why);
  if (absl::Status status = SetAside(); !status.ok()) return status;
  found_.reset();
  if (absl::Status status = MakeArena(); !status.ok()) return status;
  auto opened = catalog::Catalog::Open({.path = path_});
  if (!opened.ok()) return opened.status();
  catalog_ = *std::move(opened);
  return absl::OkStatus();
}

absl::Status Memory::SetAside() {
  if (discard_) {
    if (file_.empty()) ForgetStoredFd(kStoredName);
    if (Exists(path_) || Exists(file_)) absl::StrAppend(&verdict_, "; what was there is wiped");
    return Wipe(file_, path_);
  }
  if (file_.empty() && found_.ok()) {
    // A store that is full would not take the new arena, and not say so.
    if (kept_aside_) ForgetStoredFd(kOldName);
    ForgetStoredFd(kStoredName);
    StoreFd(kOldName, found_.get());
    absl::StrAppend(&verdict_, "; the old arena stays in the store",
                    kept_aside_ ? ", in place of an older one" : "");
  }
  for (const std::string& path : {file_, path_}) {
    if (path.empty()) continue;
    const absl::StatusOr<std::string> name = MoveAside(path);
    if (!name.ok()) return name.status();
    if (!name->empty()) absl::StrAppend(&verdict_, "; kept aside as ", *name);
  }
  return absl::OkStatus();
}

absl::Status Memory::MakeArena() {
  absl::StatusOr<std::unique_ptr<Arena>> arena;
  if (file_.empty()) {
    arena = Arena::Create(options_);
  } else {
    UniqueFd fd(open(file_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.ok()) return errors::OsRefused("open", file_, errno);
    absl::Status status = CheckPageSize(fd.get(), file_, options_.page_size);
    if (status.ok() && ftruncate(fd.get(), static_cast<off_t>(options_.size.value())) != 0) {
      status = errors::OsRefused("ftruncate", file_, errno);
    }
    if (!status.ok()) {
      unlink(file_.c_str());
      return status;
    }
    arena = Arena::Adopt(std::move(fd), options_);
  }
  if (!arena.ok()) return arena.status();
  arena_ = *std::move(arena);
  const absl::StatusOr<FileIdentity> file = IdentifyFile(arena_->fd());
  if (!file.ok()) return file.status();
  record_ = {.id = Sessions::RandomToken(),
             .file = *file,
             .boot_id = BootId(),
             .layout = layout_,
             .epoch = 1};
  if (kept_by_manager_ && !StoreFd(kStoredName, arena_->fd())) {
    return errors::BadConfig("catalog",
                             "systemd would not keep the arena: the unit needs "
                             "FileDescriptorStoreMax=");
  }
  return absl::OkStatus();
}

absl::Status Memory::Begin() {
  if (catalog_ == nullptr) return absl::OkStatus();
  catalog::Changes changes;
  changes.PutFormat();
  changes.Put(record_);
  return catalog_->Commit(std::move(changes));
}

}  // namespace percpud
