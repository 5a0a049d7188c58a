// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/system_check.h"

#include <linux/magic.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <latch>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

// How many threads this process may have more, up to `wanted`.
std::size_t CountThreads(std::size_t wanted) {
  std::latch done(1);
  std::vector<std::thread> threads;
  try {
    while (threads.size() < wanted) threads.emplace_back([&done] { done.wait(); });
  } catch (const std::system_error&) {
    // The system does not give more.
  }
  done.count_down();
  for (std::thread& thread : threads) thread.join();
  return threads.size();
}

// nullopt for a file system in memory, and for one that cannot be asked.
std::optional<std::string> DiskOf(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path();
  struct statfs info {};
  if (statfs(directory.c_str(), &info) != 0) return std::nullopt;
  switch (info.f_type) {
    case TMPFS_MAGIC:
    case HUGETLBFS_MAGIC:
    case RAMFS_MAGIC:
      return std::nullopt;
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    case NFS_SUPER_MAGIC:
      return "nfs";
    default:
      return absl::StrCat("type 0x", absl::Hex(info.f_type));
  }
}

}  // namespace

absl::Status CheckSystem(const DaemonConfig& config, std::size_t threads) {
  if (!config.door.empty() && access("/proc/self/fd", X_OK) != 0) return errors::NoProc();
  const std::size_t found = CountThreads(threads);
  if (found < threads) return errors::TooFewTasks(threads, found);
  return absl::OkStatus();
}

HostFacts LookAtHost(const DaemonConfig& config) {
  HostFacts out;
  struct sysinfo info {};
  if (sysinfo(&info) == 0) out.memory = Bytes(std::uint64_t{info.totalram} * info.mem_unit);
  out.limit = ReadMemoryLimit();
  if (!config.arena_file.empty()) out.disk = DiskOf(config.arena_file);
  return out;
}

std::vector<std::string> WarningsOf(const DaemonConfig& config, const HostFacts& host) {
  std::vector<std::string> out;
  if (host.memory != Bytes(0) && config.arena_size > host.memory) {
    out.push_back(absl::StrCat("arena_size: ", Format(config.arena_size),
                               " is more than the memory of this host, ", Format(host.memory),
                               ": clients that fill it get processes killed before they are "
                               "refused"));
  }
  if (host.limit && config.arena_size > host.limit->limit) {
    out.push_back(absl::StrCat("arena_size: ", Format(config.arena_size),
                               " is more than the memory limit of the control group ",
                               host.limit->group, ", ", Format(host.limit->limit),
                               ": raise MemoryMax= of the unit, or lower arena_size"));
  }
  if (host.disk) {
    out.push_back(absl::StrCat(
        "arena: ", config.arena_file, " lies on a disk's file system (", *host.disk,
        "), which writes back what is counted, and keeps a file that no daemon can use after the "
        "host was started again: choose a path on tmpfs or hugetlbfs"));
  }
  return out;
}

}  // namespace percpud
