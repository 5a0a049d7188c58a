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

// What the kernel says of a Unix socket's other end; nullopt for any other
// socket.
std::optional<Peer> AskPeer(int fd);

// The host at the other end of a TCP connection, "10.0.0.7"; empty for any
// other socket.
std::string HostOf(int fd);

// A descriptor that becomes readable when the peer's process ends; none where
// the kernel has no such thing, or the process is gone already.
UniqueFd OpenProcess(int fd, const Peer& peer);

// The process's name, as ps shows it; empty if it is gone.
std::string CommandOf(const Peer& peer);

// When the process started, in the kernel's ticks since boot; nullopt if there
// is none, or it is dead already.
std::optional<std::uint64_t> StartOf(ProcessId process);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ACCESS_PEER_H_
