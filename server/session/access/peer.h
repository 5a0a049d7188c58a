// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_ACCESS_PEER_H_
#define PERCPUD_SERVER_SESSION_ACCESS_PEER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "server/base/unique_fd.h"
#include "server/session/access/caller.h"

namespace percpud {

// What the kernel says of a Unix socket's other end, with all groups of its process;
// nullopt for any other socket.
std::optional<Peer> AskPeer(int fd);

// The user that the kernel means by `uid`. A user who has no number in this process's user
// namespace is shown as the overflow uid, and so is nobody there. `uid_map` is
// /proc/self/uid_map's text.
UserId KnownUser(UserId uid, const std::string& uid_map, UserId overflow);

// The host at the other end of a TCP connection, "10.0.0.7"; empty for any
// other socket.
std::string HostOf(int fd);

// A descriptor that becomes readable when the peer's process ends; none where
// the kernel has no such thing, or the process is gone already.
UniqueFd OpenProcess(int fd, const Peer& peer);

// The process's name, as ps shows it; empty if it is gone.
std::string CommandOf(const Peer& peer);

// When the process started, in the kernel's ticks since boot; nullopt if this daemon
// cannot see that (there is no such process, /proc hides it, or it is dead already).
std::optional<std::uint64_t> StartOf(ProcessId process);

// What the kernel says of a process by its number. A number alone names nobody: another
// process may have it by now.
struct ProcessSighting {
  // The kernel knows no process of that number, or every thread of it has ended. Not so
  // for number 0, which is that of a process in another PID namespace.
  bool is_gone = false;
  // StartOf, if it can be seen.
  std::optional<std::uint64_t> started;

  // Whether the process that started then is known not to have this number.
  // `started` 0 is that of a process which was never seen.
  [[nodiscard]] bool IsAnother(std::uint64_t then) const {
    return started && then != 0 && *started != then;
  }
  // Whether the process that started then is known to have ended.
  [[nodiscard]] bool IsOver(std::uint64_t then) const { return is_gone || IsAnother(then); }
};
ProcessSighting LookAtProcess(ProcessId process);

// The PID namespace in which this process sees others; 0 if the system does not say.
std::uint64_t PidNamespace();

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ACCESS_PEER_H_
