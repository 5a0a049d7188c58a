// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What systemd does for the daemon: listens before it is there, keeps a
// descriptor over a restart, and hears that it is ready.

#ifndef PERCPUD_SERVER_MAIN_FD_STORE_H_
#define PERCPUD_SERVER_MAIN_FD_STORE_H_

#include <string>
#include <vector>

#include "server/base/unique_fd.h"

namespace percpud {

// Whether a service manager listens (NOTIFY_SOCKET).
bool IsService();

// The descriptor that was stored, or passed in, under that name (LISTEN_FDNAMES);
// none if there is no such. REQUIRES: not asked twice for one name.
UniqueFd TakeStoredFd(const std::string& name);
// The listening Unix socket of that type (SOCK_STREAM and so on) and path that
// was passed in, whatever its name; none if there is no such. REQUIRES: not
// asked twice for one path.
UniqueFd TakePassedSocket(const std::string& path, int type);
// The paths of all Unix sockets that were passed in.
std::vector<std::string> PassedSocketPaths();
// Asks the manager to keep a copy under that name until the unit stops. Returns false
// if there is no manager, or it refused.
bool StoreFd(const std::string& name, int fd);
// Asks the manager to forget what it kept.
void ForgetStoredFd(const std::string& name);

// "READY=1", "STOPPING=1" and so on; nothing without a manager.
void NotifyManager(const std::string& news);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_FD_STORE_H_
