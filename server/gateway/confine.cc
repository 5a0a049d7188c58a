// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/confine.h"

#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/gateway/limits.h"

namespace percpud::gateway {
namespace {

// "nobody" and its group, on every system.
constexpr uid_t kNobodyUid = 65534;
constexpr gid_t kNobodyGid = 65534;
// Besides connections: listeners, epoll, signals, percpud, standard streams.
constexpr rlim_t kOtherDescriptors = 64 + kMaxHandshakes;

absl::Status Refused(const char* operation) {
  return errors::OsRefused(operation, "gateway", errno);
}

absl::Status DropRoot() {
  if (geteuid() != 0) return absl::OkStatus();
  if (setgroups(0, nullptr) != 0) return Refused("setgroups");
  if (setresgid(kNobodyGid, kNobodyGid, kNobodyGid) != 0) return Refused("setresgid");
  if (setresuid(kNobodyUid, kNobodyUid, kNobodyUid) != 0) return Refused("setresuid");
  return absl::OkStatus();
}

absl::Status DropCapabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  if (syscall(SYS_capset, &header, none.data()) != 0) return Refused("capset");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Refused("no_new_privs");
  // No other process of this user may look into it, or be looked into by it.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Refused("dumpable");
  return absl::OkStatus();
}

absl::Status Lower(__rlimit_resource_t resource, rlim_t value, const char* name) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return Refused(name);
  limit.rlim_max = std::min(limit.rlim_max, value);
  limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
  return setrlimit(resource, &limit) == 0 ? absl::OkStatus() : Refused(name);
}

}  // namespace

absl::Status Confine(pid_t parent) {
  RETURN_IF_ERROR(DropRoot());
  RETURN_IF_ERROR(DropCapabilities());
#if !defined(PERCPUD_ASAN) && !defined(PERCPUD_TSAN)
  // The sanitizer's own shadow is terabytes.
  RETURN_IF_ERROR(Lower(RLIMIT_AS, kAddressSpace, "RLIMIT_AS"));
#endif
  RETURN_IF_ERROR(Lower(RLIMIT_NOFILE, kMaxConnections + kOtherDescriptors, "RLIMIT_NOFILE"));
  RETURN_IF_ERROR(Lower(RLIMIT_NPROC, 0, "RLIMIT_NPROC"));
  if (parent == 0) return absl::OkStatus();
  // A change of user forgets this, so it comes last.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Refused("pdeathsig");
  return getppid() == parent ? absl::OkStatus() : absl::CancelledError("percpud has ended");
}

}  // namespace percpud::gateway
