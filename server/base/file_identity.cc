// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/file_identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "server/base/errors.h"

namespace percpud {

absl::StatusOr<FileIdentity> IdentifyFile(int fd) {
  constexpr std::uint64_t kNanoseconds = 1'000'000'000;
  struct statx file {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &file) != 0) {
    return errors::OsRefused("statx", "arena", errno);
  }
  FileIdentity out;
  out.device = (std::uint64_t{file.stx_dev_major} << 32) | file.stx_dev_minor;
  out.inode = file.stx_ino;
  if ((file.stx_mask & STATX_BTIME) != 0) {
    out.born_ns =
        static_cast<std::uint64_t>(file.stx_btime.tv_sec) * kNanoseconds + file.stx_btime.tv_nsec;
  }
  out.size = Bytes(file.stx_size);
  return out;
}

}  // namespace percpud
