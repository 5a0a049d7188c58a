// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_FILE_IDENTITY_H_
#define PERCPUD_SERVER_BASE_FILE_IDENTITY_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/base/units.h"

namespace percpud {

// Identifies the file that a descriptor has open, by what the kernel says: a copy, or
// another file of the same name, differs.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  // When it was made; 0 where the file system does not say.
  std::uint64_t born_ns = 0;
  Bytes size;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// Errors: what the system said.
absl::StatusOr<FileIdentity> IdentifyFile(int fd);

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_FILE_IDENTITY_H_
