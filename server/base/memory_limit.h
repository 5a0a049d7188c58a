// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How much memory the control groups leave this process. A page too many is not
// refused there: the kernel kills. So the code that backs memory asks first.

#ifndef PERCPUD_SERVER_BASE_MEMORY_LIMIT_H_
#define PERCPUD_SERVER_BASE_MEMORY_LIMIT_H_

#include <optional>
#include <string>

#include "server/base/units.h"

namespace percpud {

// The control group that limits memory most, of the process's own and those above.
struct MemoryLimit {
  // The group's directory.
  std::string group;
  Bytes limit;
  // What the group uses at the moment, less the cache of files on disks, which the
  // kernel drops before it kills.
  Bytes used;

  // What may still be backed.
  [[nodiscard]] Bytes left() const { return used >= limit ? Bytes(0) : limit - used; }
};

// Where control groups are looked up. Tests point it at a tree of their own.
struct ControlGroupPlaces {
  // This process's groups, as /proc/self/cgroup lists them.
  std::string membership = "/proc/self/cgroup";
  // Where the memory controller may be mounted: version 2, and version 1.
  std::string unified = "/sys/fs/cgroup";
  std::string memory = "/sys/fs/cgroup/memory";
};

// nullopt if no group sets a limit, or none can be read. Of several limits, the
// one with the least left counts. Reads files; thread safe.
std::optional<MemoryLimit> ReadMemoryLimit(const ControlGroupPlaces& places = {});

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_MEMORY_LIMIT_H_
