// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/arena.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bitset>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/file_identity.h"
#include "server/base/limits.h"
#include "server/base/status_macros.h"

namespace percpud {
namespace {

constexpr char kName[] = "percpud-arena";

// Since Linux 6.3; the C library's headers are older.
constexpr unsigned kNoExecSeal = 0x0008;

// The most nodes a kernel can be built for (NODES_SHIFT is 10 at most).
constexpr std::size_t kMaxNumaNodes = 1024;

// EAGAIN means that a page was on the move just then: worth another try, but
// not for ever.
constexpr int kMaxBusyTries = 64;

absl::Status CheckOptions(const Arena::Options& options) {
  const Bytes system_page(::sysconf(_SC_PAGESIZE));
  const bool is_huge = options.page_size == kHugePageSize;
  if (!is_huge && (options.page_size != kBasePageSize || options.page_size != system_page)) {
    return errors::BadConfig(
        "page_size", absl::StrCat(Format(options.page_size), " is neither the system's page of ",
                                  Format(system_page), " nor ", Format(kHugePageSize)));
  }
  if (options.size == Bytes(0) || options.size > kMaxArenaSize) {
    return errors::BadConfig(
        "arena_size", absl::StrCat(Format(options.size), " is not in 1..", Format(kMaxArenaSize)));
  }
  if (options.size % options.page_size != Bytes(0)) {
    return errors::BadConfig("arena_size",
                             absl::StrCat(Format(options.size), " is no multiple of the page of ",
                                          Format(options.page_size)));
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> MakeMemfd(Bytes page_size) {
  const bool is_huge = page_size == kHugePageSize;
  const unsigned flags =
      MFD_CLOEXEC | MFD_ALLOW_SEALING | (is_huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0U);
  int fd = ::memfd_create(kName, flags | kNoExecSeal);
  if (fd < 0 && errno == EINVAL) fd = ::memfd_create(kName, flags);
  if (fd >= 0) return UniqueFd(fd);
  const int error = errno;
  if (is_huge && (error == ENODEV || error == ENOSYS || error == EINVAL)) {
    return errors::BadConfig("page_size",
                             absl::StrCat("the system has no pages of ", Format(page_size)));
  }
  return errors::OsRefused("memfd_create", kName, error);
}

// Seals the size: nobody who is handed the descriptor can cut pages from under
// somebody else's mapping. And makes it the daemon's user's alone: a memfd is
// born writable by all, so that a viewer could open its descriptor a second
// time, through /proc, for writing.
absl::Status FixSize(int fd, Bytes size) {
  if (::ftruncate(fd, static_cast<off_t>(size.value())) != 0) {
    return errors::OsRefused("ftruncate", kName, errno);
  }
  if (::fchmod(fd, S_IRUSR | S_IWUSR) != 0) return errors::OsRefused("fchmod", kName, errno);
  if (::fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return errors::OsRefused("fcntl(F_ADD_SEALS)", kName, errno);
  }
  return absl::OkStatus();
}

// The pages configured so far are somebody's, or one of them would be free: as
// many more as the arena has.
absl::Status NoHugePages(Bytes arena_size) {
  std::uint64_t configured = 0;
  std::ifstream("/proc/sys/vm/nr_hugepages") >> configured;
  return errors::NoHugePages(kHugePageSize, configured + arena_size / kHugePageSize);
}

// 0, or the error number.
int PopulateWrite(std::byte* start, Bytes length) {
  for (int busy = 0; ::madvise(start, length.value(), MADV_POPULATE_WRITE) != 0;) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN || ++busy == kMaxBusyTries) return errno;
    std::this_thread::yield();
  }
  return 0;
}

// 0, or the error number.
int Allocate(int fd, int mode, Bytes offset, Bytes length) {
  while (::fallocate(fd, mode, static_cast<off_t>(offset.value()),
                     static_cast<off_t>(length.value())) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

bool IsExhaustion(int error) {
  return error == ENOMEM || error == ENOSPC || error == EFAULT || error == EHWPOISON ||
         error == EAGAIN;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Arena>> Arena::Create(const Options& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  absl::StatusOr<UniqueFd> fd = MakeMemfd(options.page_size);
  if (!fd.ok()) return fd.status();
  if (absl::Status status = FixSize(fd->get(), options.size); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Arena>> arena = Map(*std::move(fd), options);
  if (arena.ok() && options.page_size == kHugePageSize) {
    if (absl::Status status = (*arena)->ProbeHugePage(); !status.ok()) return status;
  }
  return arena;
}

absl::StatusOr<std::unique_ptr<Arena>> Arena::Adopt(UniqueFd fd, const Options& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  const absl::StatusOr<FileIdentity> file = IdentifyFile(fd.get());
  if (!file.ok()) return file.status();
  if (file->size != options.size) {
    return errors::BadConfig("arena_size", absl::StrCat(Format(options.size), " is not the ",
                                                        Format(file->size), " that are there"));
  }
  return Map(std::move(fd), options);
}

// Nothing is reserved: the arena may be larger than memory, and huge pages
// that run out are refused by Populate rather than all claimed now.
absl::StatusOr<std::unique_ptr<Arena>> Arena::Map(UniqueFd fd, const Options& options) {
  void* const base = ::mmap(nullptr, options.size.value(), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_NORESERVE, fd.get(), 0);
  if (base == MAP_FAILED) return errors::OsRefused("mmap", kName, errno);
  std::unique_ptr<Arena> arena(new Arena(fd.release(), static_cast<std::byte*>(base), options));
  // The advice is about this mapping, by which pages are populated. Clients that find
  // huge pages there map them as such. The kernel aligns such mappings by itself.
  if (options.transparent_huge_pages && ::madvise(base, options.size.value(), MADV_HUGEPAGE) != 0) {
    return errors::OsRefused("madvise(MADV_HUGEPAGE)", kName, errno);
  }
  return arena;
}

Arena::~Arena() {
  ::munmap(base_, size_.value());
  ::close(fd_);
}

// Backing one page is the only test that counts: a pool may be configured and
// all in use, or lie out of reach of the control group.
absl::Status Arena::ProbeHugePage() {
  if (!Populate(Bytes(0), page_size_).ok()) return NoHugePages(size_);
  return Release(Bytes(0), page_size_);
}

absl::Status Arena::Populate(Bytes offset, Bytes length) {
  assert(HasPages(offset, length));
  if (length == Bytes(0)) return absl::OkStatus();
  if (room_ != nullptr) RETURN_IF_ERROR(room_->Take(length));
  int error = PopulateWrite(base_ + offset.value(), length);
  // Before Linux 5.14. The pages are there then, but not yet mapped.
  if (error == EINVAL) error = Allocate(fd_, /*mode=*/0, offset, length);
  if (error == 0) return absl::OkStatus();
  // A full file system, or no huge page left: the kernel's word for a page that cannot be
  // had is that of a bad address.
  if (error == EFAULT) error = ENOSPC;
  if (IsExhaustion(error)) return errors::PopulateFailed(offset, length, error);
  return errors::OsRefused("madvise(MADV_POPULATE_WRITE)", kName, error);
}

absl::Status Arena::Release(Bytes offset, Bytes length) {
  assert(HasPages(offset, length));
  if (length == Bytes(0)) return absl::OkStatus();
  const int error = Allocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  if (error == 0) return absl::OkStatus();
  return errors::OsRefused("fallocate(FALLOC_FL_PUNCH_HOLE)", kName, error);
}

std::optional<Bytes> Arena::BackedBytes() const {
  struct stat file {};
  if (::fstat(fd_, &file) != 0) return std::nullopt;
  constexpr std::uint64_t kBlock = 512;
  return Bytes(static_cast<std::uint64_t>(file.st_blocks) * kBlock);
}

bool Arena::MayBeBacked(Bytes offset, Bytes length) const {
  // hugetlbfs does not tell where its holes are.
  if (page_size_ != kBasePageSize) return true;
  const off_t data = ::lseek(fd_, static_cast<off_t>(offset.value()), SEEK_DATA);
  if (data < 0) return errno != ENXIO;
  return Bytes(static_cast<std::uint64_t>(data)) < offset + length;
}

// The policy is the file's, and so holds in every process that maps it
// (mbind(2), "shared memory").
absl::Status Arena::PreferNode(Bytes offset, Bytes length, NumaNodeId node) {
  if (!HasPages(offset, length)) return errors::OsRefused("mbind", kName, ERANGE);
  std::bitset<kMaxNumaNodes> nodes;
  if (node.value() >= nodes.size()) return errors::OsRefused("mbind", kName, EINVAL);
  nodes.set(node.value());
  // The kernel takes the last bit of a mask for its end.
  if (::syscall(SYS_mbind, base_ + offset.value(), length.value(), MPOL_PREFERRED, &nodes,
                nodes.size() + 1, 0) == 0) {
    return absl::OkStatus();
  }
  return errors::OsRefused("mbind", kName, errno);
}

bool Arena::HasPages(Bytes offset, Bytes length) const {
  return offset % page_size_ == Bytes(0) && length % page_size_ == Bytes(0) && offset <= size_ &&
         length <= size_ - offset;
}

}  // namespace percpud
