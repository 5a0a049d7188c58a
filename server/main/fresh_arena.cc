// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/fresh_arena.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud {
namespace {

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

absl::Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return errors::OsRefused("rename", to, errno);
}

// Each of the two files gets the other's name, in one step. False if that cannot be.
bool Exchange(const std::string& a, const std::string& b) {
  return renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FreshArena>> FreshArena::Make(const ArenaPlaces& places,
                                                             const Arena::Options& options) {
  std::unique_ptr<FreshArena> out(new FreshArena(places));
  if (places.file.empty()) {
    ASSIGN_OR_RETURN(out->arena_, Arena::Create(options));
    return out;
  }
  RETURN_IF_ERROR(out->MakeFile(options));
  return out;
}

std::string FreshArena::new_file() const { return absl::StrCat(places_.file, ".percpud-new"); }
std::string FreshArena::new_catalog() const {
  return absl::StrCat(places_.catalog, "/percpud-new");
}

absl::Status FreshArena::MakeFile(const Arena::Options& options) {
  assert(!places_.file.empty() && !has_file_);
  const std::string path = new_file();
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd fd(open(path.c_str(), kFlags, 0600));
  if (!fd.ok() && errno == EEXIST) {
    // A start that was killed made it: this one holds the locks.
    unlink(path.c_str());
    fd = UniqueFd(open(path.c_str(), kFlags, 0600));
  }
  if (!fd.ok()) return errors::OsRefused("open", path, errno);
  has_file_ = true;
  RETURN_IF_ERROR(CheckPageSize(fd.get(), places_.file, options.page_size));
  if (ftruncate(fd.get(), static_cast<off_t>(options.size.value())) != 0) {
    return errors::OsRefused("ftruncate", path, errno);
  }
  ASSIGN_OR_RETURN(arena_, Arena::Adopt(std::move(fd), options));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<catalog::Catalog>> FreshArena::MakeCatalog() {
  RemoveCatalog();
  const std::string path = new_catalog();
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return errors::OsRefused("mkdir", path, errno);
  }
  has_catalog_ = true;
  return catalog::Catalog::Open({.path = path, .final_path = places_.catalog, .is_locked = true});
}

absl::Status FreshArena::PutCatalogInPlace() {
  assert(has_catalog_ && !is_exchanged_ && !is_first_);
  const std::string fresh = absl::StrCat(new_catalog(), "/data.mdb");
  const std::string place = absl::StrCat(places_.catalog, "/data.mdb");
  is_exchanged_ = Exchange(fresh, place);
  if (is_exchanged_) return absl::OkStatus();
  // There is no old one, or the file system cannot exchange.
  is_first_ = access(place.c_str(), F_OK) != 0;
  return Rename(fresh, place);
}

absl::Status FreshArena::PutArenaInPlace() {
  if (has_file_) RETURN_IF_ERROR(Rename(new_file(), places_.file));
  has_file_ = false;
  is_exchanged_ = false;
  is_first_ = false;
  return absl::OkStatus();
}

void FreshArena::RemoveCatalog() const {
  unlink(absl::StrCat(new_catalog(), "/data.mdb").c_str());
  rmdir(new_catalog().c_str());
}

FreshArena::~FreshArena() {
  const std::string place = absl::StrCat(places_.catalog, "/data.mdb");
  if (is_exchanged_) Exchange(absl::StrCat(new_catalog(), "/data.mdb"), place);
  if (is_first_) unlink(place.c_str());
  if (has_file_) unlink(new_file().c_str());
  if (has_catalog_) RemoveCatalog();
}

}  // namespace percpud
