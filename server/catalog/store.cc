// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/catalog/reader.h"

namespace percpud::catalog {
namespace {

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
  constexpr std::uint64_t kPages = 32;
  constexpr std::uint64_t kPage = 4096;
  std::uint64_t bytes = kPages * kPage;
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

const Clock* ClockOf(const Store::Options& options) {
  static const SystemClock clock;
  return options.clock == nullptr ? &clock : options.clock;
}

const std::string& ShownPath(const Store::Options& options) {
  return options.final_path.empty() ? options.path : options.final_path;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const Options& options) {
  std::optional<PathLock> lock;
  if (!options.is_locked) {
    ASSIGN_OR_RETURN(PathLock taken, LockDirectory(options.path));
    lock.emplace(std::move(taken));
  }
  std::unique_ptr<Store> store(new Store(options, std::move(lock)));
  RETURN_IF_ERROR(store->file_.Open(kTables));
  RETURN_IF_ERROR(store->OpenTables());
  return store;
}

Store::Store(Options options, std::optional<PathLock> lock)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      file_({.path = options_.path,
             .shown_path = ShownPath(options_),
             .initial = options_.initial,
             .limit = options_.limit,
             .clock = ClockOf(options_)}) {}

absl::Status Store::OpenTables() {
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(file_.env(), nullptr, 0, &txn);
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
  file_.NoteCommit();
  return absl::OkStatus();
}

absl::Status Store::Apply(std::span<const Changes* const> batch) {
  assert(!batch.empty());
  if (options_.is_full && options_.is_full()) {
    return errors::CatalogFull(ShownPath(options_), size(), "a test");
  }
  const bool puts = std::any_of(batch.begin(), batch.end(),
                                [](const Changes* changes) { return changes->puts(); });
  while (!file_.HasRoom(Weight(batch))) {
    absl::Status status = file_.Grow();
    if (status.ok()) continue;
    is_full_ = true;
    if (puts) return status;
    break;
  }
  int code = TryApply(batch);
  if (code == MDB_MAP_FULL) {
    RETURN_IF_ERROR(file_.Grow());
    code = TryApply(batch);
  }
  if (code != MDB_SUCCESS) return errors::CatalogFailed("commit", mdb_strerror(code));
  file_.NoteCommit();
  if (puts) is_full_ = false;
  return absl::OkStatus();
}

int Store::TryApply(std::span<const Changes* const> batch) {
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(file_.env(), nullptr, 0, &txn);
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
  absl::StatusOr<Contents> contents = ReadAll(file_.env(), on_area);
  if (contents.ok() || !IsAboutContent(contents.status())) return contents;
  return errors::CatalogDamaged(options_.path, contents.status().message());
}

}  // namespace percpud::catalog
