// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/fd_store.h"

#include <fcntl.h>
#include <systemd/sd-daemon.h>

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

bool StoreFd(const std::string& name, int fd) {
  const std::string news = absl::StrCat("FDSTORE=1\nFDPOLL=0\nFDNAME=", name);
  return sd_pid_notify_with_fds(0, /*unset_environment=*/0, news.c_str(), &fd, 1) > 0;
}

void ForgetStoredFd(const std::string& name) {
  NotifyManager(absl::StrCat("FDSTOREREMOVE=1\nFDNAME=", name));
}

void NotifyManager(const std::string& news) { sd_notify(/*unset_environment=*/0, news.c_str()); }

}  // namespace percpud
