// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/fd_store.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <cassert>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace percpud {

bool IsService() { return std::getenv("NOTIFY_SOCKET") != nullptr; }

UniqueFd TakeStoredFd(const std::string& name) {
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(/*unset_environment=*/0, &names);
  UniqueFd found;
  for (int i = 0; i < count; ++i) {
    if (!found.ok() && name == names[i]) found = UniqueFd(SD_LISTEN_FDS_START + i);
    std::free(names[i]);
  }
  if (count >= 0) std::free(names);
  if (found.ok()) fcntl(found.get(), F_SETFD, FD_CLOEXEC);
  return found;
}

UniqueFd TakePassedSocket(const std::string& path, int type) {
  const int count = sd_listen_fds(/*unset_environment=*/0);
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
    if (sd_is_socket_unix(fd, type, /*listening=*/1, path.c_str(), 0) > 0) return UniqueFd(fd);
  }
  return {};
}

std::vector<std::string> PassedSocketPaths() {
  std::vector<std::string> out;
  const int count = sd_listen_fds(/*unset_environment=*/0);
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
    // One byte more than the kernel fills, so that a path always ends.
    struct {
      sockaddr_un address;
      char end;
    } bound{};
    socklen_t size = sizeof(bound.address);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound.address), &size) == 0 &&
        bound.address.sun_family == AF_UNIX) {
      out.emplace_back(bound.address.sun_path);
    }
  }
  return out;
}

bool StoreFd(const std::string& name, int fd) {
  assert(fd >= 0 && !name.empty());
  const std::string news = absl::StrCat("FDSTORE=1\nFDPOLL=0\nFDNAME=", name);
  return sd_pid_notify_with_fds(0, /*unset_environment=*/0, news.c_str(), &fd, 1) > 0;
}

void ForgetStoredFd(const std::string& name) {
  NotifyManager(absl::StrCat("FDSTOREREMOVE=1\nFDNAME=", name));
}

void NotifyManager(const std::string& news) { sd_notify(/*unset_environment=*/0, news.c_str()); }

}  // namespace percpud
