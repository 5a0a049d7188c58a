// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/map_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/base/unique_fd.h"

namespace percpud::catalog {
namespace {

constexpr Bytes kPage{4096};
constexpr Bytes kMinStep{256 << 10};
constexpr Bytes kMaxReserve{1 << 20};

// What stands at the beginning of the file's last page.
struct NumberPage {
  std::uint64_t magic;
  // One store: a killed process leaves this number or the one before.
  std::uint64_t number;
};
constexpr std::uint64_t kMagic = 0x746d6d6f43637075;

Bytes StartOfLastPage(Bytes size) {
  constexpr std::uint64_t kBytes = kPage.value();
  return Bytes((size.value() - 1) / kBytes * kBytes);
}

bool IsFull(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG || error == ENOMEM;
}

// Only deletions may use the last pages. They write anew what they change, at worst all of
// a small file.
Bytes Reserve(Bytes size) { return std::min(kMaxReserve, Bytes(size.value() / 4)); }

// What other threads may take in the moment in which LMDB has no map.
constexpr Bytes kSlack{1 << 20};

// Room in the address space for a map that is to be made. LMDB gives its map up before it makes a
// larger one, and without a map it ends the process: so that has to succeed.
class AddressSpace {
 public:
  explicit AddressSpace(Bytes size)
      : size_(size.value()), held_(mmap(nullptr, size_, PROT_NONE, kFlags, -1, 0)) {
    if (held_ == MAP_FAILED) error_ = errno;
  }
  ~AddressSpace() { Free(); }
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  // An errno; 0 if there is that much room.
  [[nodiscard]] int error() const { return error_; }
  void Free() {
    void* const held = std::exchange(held_, MAP_FAILED);
    if (held != MAP_FAILED) munmap(held, size_);
  }

 private:
  static constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

  const std::size_t size_;
  void* held_;
  int error_ = 0;
};

}  // namespace

MapFile::~MapFile() {
  if (number_page_ != nullptr) munmap(number_page_, kPage.value());
  if (env_ != nullptr) mdb_env_close(env_);
}

absl::Status MapFile::Open(unsigned tables) {
  assert(env_ == nullptr && options_.clock != nullptr);
  int code = mdb_env_create(&env_);
  if (code != MDB_SUCCESS) return errors::CatalogFailed("mdb_env_create", mdb_strerror(code));
  struct stat file {};
  const std::string data = absl::StrCat(options_.path, "/data.mdb");
  const Bytes there = stat(data.c_str(), &file) == 0 ? Bytes(file.st_size) : Bytes(0);
  // A file that is there keeps its size: its last page has to stay where it is.
  size_ = RoundUp(there > Bytes(0) ? there : options_.initial, kPage);
  mdb_env_set_mapsize(env_, size_.value());
  mdb_env_set_maxdbs(env_, tables);
  // The lock is the daemon's, and nobody reads while it writes.
  constexpr unsigned kFlags = MDB_WRITEMAP | MDB_NOSYNC | MDB_NOLOCK | MDB_NORDAHEAD;
  code = mdb_env_open(env_, options_.path.c_str(), kFlags, 0600);
  if (code != MDB_SUCCESS) return errors::CatalogFailed("mdb_env_open", mdb_strerror(code));
  if (const int error = Back(size_); error != 0) {
    if (IsFull(error)) return errors::CatalogFull(options_.shown_path, size_, std::strerror(error));
    return errors::OsRefused("fallocate", data, error);
  }
  // A file of the first format may be used up to its end.
  if (used() + kPage > size_) return Grow();
  const int error = MapNumber(size_);
  return error == 0 ? absl::OkStatus() : errors::OsRefused("mmap", data, error);
}

int MapFile::MapNumber(Bytes size) {
  const auto at = static_cast<off_t>(StartOfLastPage(size).value());
  void* const page = mmap(nullptr, kPage.value(), PROT_READ | PROT_WRITE, MAP_SHARED, fd(), at);
  if (page == MAP_FAILED) return errno;
  if (number_page_ != nullptr) munmap(number_page_, kPage.value());
  number_page_ = page;
  return 0;
}

int MapFile::fd() const {
  int out = -1;
  mdb_env_get_fd(env_, &out);
  return out;
}

std::uint64_t MapFile::last_commit() const {
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  return info.me_last_txnid;
}

Bytes MapFile::used() const {
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  return kPage * (info.me_last_pgno + 1);
}

int MapFile::Back(Bytes size) const {
  int result = 0;
  do {
    result = fallocate(fd(), 0, 0, static_cast<off_t>(size.value()));
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

// The number first: whenever the process is killed, the last page has it.
int MapFile::Extend(Bytes size) const {
  const NumberPage page{.magic = kMagic, .number = last_commit()};
  const Bytes last = StartOfLastPage(size);
  int error = 0;
  if (pwrite(fd(), &page, sizeof(page), static_cast<off_t>(last.value())) != sizeof(page)) {
    error = errno;
  }
  return error == 0 ? Back(size) : error;
}

// Refused calls come as fast as clients can send them, and each would write to the end of
// a disk that has no room.
absl::Status MapFile::Grow() {
  const BootTime now = options_.clock->Now();
  if (now < full_until_) {
    assert(!full_.ok());
    return full_;
  }
  absl::Status status = TryGrow();
  if (absl::IsResourceExhausted(status)) {
    full_ = status;
    full_until_ = now + kFullPause;
  }
  return status;
}

absl::Status MapFile::TryGrow() {
  const Bytes wanted =
      std::min(size_ + std::max(Bytes(size_.value() / 2), kMinStep), options_.limit);
  Bytes step = wanted > size_ ? wanted - size_ : Bytes(0);
  int error = step < kMinStep ? EFBIG : ENOSPC;
  for (; error != 0 && IsFull(error) && step >= kMinStep; step = Bytes(step.value() / 2)) {
    const Bytes larger = RoundUp(size_ + step, kPage);
    AddressSpace space(larger + kSlack);
    error = space.error();
    if (error == 0) error = Extend(larger);
    if (error == 0) error = MapNumber(larger);
    if (error != 0) {
      static_cast<void>(ftruncate(fd(), static_cast<off_t>(size_.value())));
      continue;
    }
    space.Free();
    const int code = mdb_env_set_mapsize(env_, larger.value());
    if (code != MDB_SUCCESS) {
      return errors::CatalogFailed("mdb_env_set_mapsize", mdb_strerror(code));
    }
    size_ = larger;
    return absl::OkStatus();
  }
  return errors::CatalogFull(options_.shown_path, size_, std::strerror(error));
}

bool MapFile::HasRoom(Bytes weight) const {
  const Bytes wanted = used() + weight + Reserve(size_) + kPage;
  // The list of free pages is walked only where it matters.
  return wanted <= size_ || wanted <= size_ + freed();
}

// Pages that the last commits do not use; LMDB gives them out before it takes more.
Bytes MapFile::freed() const {
  const std::uint64_t commit = last_commit();
  if (!freed_ || freed_->commit != commit) freed_ = {.commit = commit, .bytes = CountFreed()};
  return freed_->bytes;
}

Bytes MapFile::CountFreed() const {
  MDB_txn* txn = nullptr;
  if (mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn) != MDB_SUCCESS) return Bytes(0);
  constexpr MDB_dbi kFreeList = 0;
  MDB_cursor* cursor = nullptr;
  std::uint64_t pages = 0;
  if (mdb_cursor_open(txn, kFreeList, &cursor) == MDB_SUCCESS) {
    MDB_val key{};
    MDB_val value{};
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
      std::uint64_t count = 0;
      if (value.mv_size >= sizeof(count)) std::memcpy(&count, value.mv_data, sizeof(count));
      pages += count;
    }
    mdb_cursor_close(cursor);
  }
  mdb_txn_abort(txn);
  return kPage * pages;
}

void MapFile::NoteCommit() {
  assert(number_page_ != nullptr);
  auto* const page = static_cast<NumberPage*>(number_page_);
  std::atomic_ref<std::uint64_t>(page->number).store(last_commit(), std::memory_order_release);
  std::atomic_ref<std::uint64_t>(page->magic).store(kMagic, std::memory_order_release);
}

absl::StatusOr<std::optional<std::uint64_t>> MapFile::ReadCommitNumber(const std::string& data) {
  const UniqueFd file(open(data.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info {};
  if (!file.ok()) return errors::OsRefused("open", data, errno);
  if (fstat(file.get(), &info) != 0) return errors::OsRefused("stat", data, errno);
  if (info.st_size < 1) return std::nullopt;
  NumberPage page{};
  const Bytes last = StartOfLastPage(Bytes(info.st_size));
  const auto at = static_cast<off_t>(last.value());
  const ssize_t size = pread(file.get(), &page, sizeof(page), at);
  if (size < 0) return errors::OsRefused("read", data, errno);
  if (size != sizeof(page)) return std::nullopt;
  return page.magic == kMagic ? std::optional(page.number) : std::nullopt;
}

}  // namespace percpud::catalog
