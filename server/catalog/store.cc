// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/catalog/reader.h"

namespace percpud::catalog {
namespace {

constexpr Bytes kPage{4096};
// Only deletions may use the last pages.
constexpr Bytes kReserve{1 << 20};
constexpr Bytes kStep{4 << 20};

absl::StatusOr<PathLock> LockDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return errors::OsRefused("mkdir", path, errno);
  }
  return PathLock::Take(absl::StrCat(path, "/lock"), errors::CatalogInUse(path));
}

// What one transaction writes at most, generously: its records, and the pages
// on the way to them.
Bytes Weight(std::span<const Changes* const> batch) {
  constexpr std::uint64_t kPerOp = 64;
  constexpr std::uint64_t kPages = 64;
  std::uint64_t bytes = kPages * kPage.value();
  for (const Changes* changes : batch) {
    bytes += changes->bytes() * 2 + changes->ops().size() * kPerOp;
  }
  return Bytes(bytes);
}

int SetOwner(MDB_txn* txn, MDB_dbi table, MDB_val key, absl::string_view owner) {
  MDB_val value{};
  const int code = mdb_get(txn, table, &key, &value);
  if (code == MDB_NOTFOUND) return MDB_SUCCESS;
  if (code != MDB_SUCCESS) return code;
  SessionId id;
  std::memcpy(&id, owner.data(), sizeof(id));
  std::string record(static_cast<const char*>(value.mv_data), value.mv_size);
  PatchOwner({static_cast<const char*>(key.mv_data), key.mv_size}, id, record);
  value = {record.size(), record.data()};
  return mdb_put(txn, table, &key, &value, 0);
}

// An LMDB code.
int ApplyOne(MDB_txn* txn, MDB_dbi table, const Changes& changes, const Changes::Op& op) {
  const absl::string_view text = changes.key(op);
  // LMDB reads an integer key as one.
  std::uint64_t number = 0;
  MDB_val key{text.size(), const_cast<char*>(text.data())};
  if (text.size() == sizeof(number)) {
    std::memcpy(&number, text.data(), sizeof(number));
    key.mv_data = &number;
  }
  const absl::string_view bytes = changes.value(op);
  MDB_val value{bytes.size(), const_cast<char*>(bytes.data())};
  switch (op.kind) {
    case Changes::Kind::kPut:
      return mdb_put(txn, table, &key, &value, 0);
    case Changes::Kind::kSetOwner:
      return SetOwner(txn, table, key, bytes);
    case Changes::Kind::kDelete:
      break;
  }
  const int code = mdb_del(txn, table, &key, nullptr);
  return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const Options& options) {
  std::optional<PathLock> lock;
  if (!options.is_locked) {
    ASSIGN_OR_RETURN(PathLock taken, LockDirectory(options.path));
    lock.emplace(std::move(taken));
  }
  MDB_env* env = nullptr;
  if (const int code = mdb_env_create(&env); code != MDB_SUCCESS) {
    return errors::CatalogFailed("mdb_env_create", mdb_strerror(code));
  }
  std::unique_ptr<Store> store(new Store(options, std::move(lock), env));
  if (absl::Status status = store->OpenTables(); !status.ok()) return status;
  return store;
}

Store::Store(Options options, std::optional<PathLock> lock, MDB_env* env)
    : options_(std::move(options)), lock_(std::move(lock)), env_(env) {}

Store::~Store() { mdb_env_close(env_); }

absl::Status Store::OpenTables() {
  struct stat file {};
  const std::string path = absl::StrCat(options_.path, "/data.mdb");
  const Bytes there = stat(path.c_str(), &file) == 0 ? Bytes(file.st_size) : Bytes(0);
  size_ = RoundUp(std::max(options_.initial, there), kPage);
  mdb_env_set_mapsize(env_, size_.value());
  mdb_env_set_maxdbs(env_, kTables);
  // The lock is ours (LockDirectory), and nobody reads while we write.
  constexpr unsigned kFlags = MDB_WRITEMAP | MDB_NOSYNC | MDB_NOLOCK | MDB_NORDAHEAD;
  int code = mdb_env_open(env_, options_.path.c_str(), kFlags, 0600);
  if (code != MDB_SUCCESS) return errors::CatalogFailed("mdb_env_open", mdb_strerror(code));
  if (absl::Status status = BackWhole(); !status.ok()) return status;
  MDB_txn* txn = nullptr;
  code = mdb_txn_begin(env_, nullptr, 0, &txn);
  for (std::size_t i = 0; i < kTables && code == MDB_SUCCESS; ++i) {
    const auto table = static_cast<Table>(i);
    code = mdb_dbi_open(txn, TableName(table), TableFlags(table) | MDB_CREATE, &tables_[i]);
  }
  if (code == MDB_SUCCESS) {
    code = mdb_txn_commit(txn);
  } else if (txn != nullptr) {
    mdb_txn_abort(txn);
  }
  if (code != MDB_SUCCESS) return errors::CatalogFailed("mdb_dbi_open", mdb_strerror(code));
  return absl::OkStatus();
}

// Gives every page of the map a place on the disk.
absl::Status Store::BackWhole() {
  int fd = -1;
  mdb_env_get_fd(env_, &fd);
  int result = 0;
  do {
    result = fallocate(fd, 0, 0, static_cast<off_t>(size_.value()));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return absl::OkStatus();
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == ENOMEM) {
    return errors::CatalogFull(size_, std::strerror(errno));
  }
  return errors::OsRefused("fallocate", options_.path, errno);
}

absl::Status Store::Grow() {
  const Bytes before = size_;
  const Bytes wanted = RoundUp(before + std::max(kStep, Bytes(before.value() / 2)), kPage);
  if (wanted > options_.limit) return errors::CatalogFull(before, "its limit");
  size_ = wanted;
  if (absl::Status status = BackWhole(); !status.ok()) {
    size_ = before;
    // What was backed beyond the map is of no use.
    int fd = -1;
    mdb_env_get_fd(env_, &fd);
    static_cast<void>(ftruncate(fd, static_cast<off_t>(before.value())));
    return errors::CatalogFull(before, status.message());
  }
  const int code = mdb_env_set_mapsize(env_, size_.value());
  if (code == MDB_SUCCESS) return absl::OkStatus();
  size_ = before;
  return errors::CatalogFailed("mdb_env_set_mapsize", mdb_strerror(code));
}

bool Store::HasRoom(std::span<const Changes* const> batch) const {
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  const Bytes used = kPage * (info.me_last_pgno + 1);
  return used + Weight(batch) + kReserve <= size_;
}

absl::Status Store::Apply(std::span<const Changes* const> batch) {
  if (options_.is_full && options_.is_full()) return errors::CatalogFull(size_, "a test");
  const bool puts = std::any_of(batch.begin(), batch.end(),
                                [](const Changes* changes) { return changes->puts(); });
  while (!HasRoom(batch)) {
    absl::Status status = Grow();
    if (status.ok()) continue;
    if (puts) return status;
    break;
  }
  int code = TryApply(batch);
  if (code == MDB_MAP_FULL) {
    if (absl::Status status = Grow(); !status.ok()) return status;
    code = TryApply(batch);
  }
  if (code == MDB_SUCCESS) return absl::OkStatus();
  return errors::CatalogFailed("commit", mdb_strerror(code));
}

int Store::TryApply(std::span<const Changes* const> batch) {
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (code != MDB_SUCCESS) return code;
  for (const Changes* changes : batch) {
    for (const Changes::Op& op : changes->ops()) {
      code = ApplyOne(txn, tables_[static_cast<std::size_t>(op.table)], *changes, op);
      if (code == MDB_SUCCESS) continue;
      mdb_txn_abort(txn);
      return code;
    }
  }
  return mdb_txn_commit(txn);
}

absl::StatusOr<Contents> Store::Load(const OnArea& on_area) const {
  absl::StatusOr<Contents> contents = ReadAll(env_, on_area);
  if (contents.ok() || !IsAboutContent(contents.status())) return contents;
  return errors::CatalogDamaged(options_.path, contents.status().message());
}

}  // namespace percpud::catalog
