// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is said at the side door (proto/percpud/abi/v1/handoff.h), as it goes over the
// socket. Nothing here waits for a peer. Thread safe: no state.

#ifndef PERCPUD_SERVER_HANDOFF_MESSAGES_H_
#define PERCPUD_SERVER_HANDOFF_MESSAGES_H_

#include <optional>
#include <span>

#include "absl/status/status.h"
#include "proto/percpud/abi/v1/handoff.h"

namespace percpud {

// The message that waits at `fd`, if it is a Hello and nothing more: descriptors that
// came with it are closed, and make it none.
std::optional<abi::v1::Hello> ReceiveHello(int fd);

// With the descriptors, which stay the caller's. REQUIRES: one or two. Errors: OsRefused.
absl::Status SendWelcome(int fd, const abi::v1::Welcome& welcome, std::span<const int> fds);

// The last words to a peer that is about to be hung up on. Reads what it said before: a
// socket closed over something unread resets the peer, which then would not hear them.
void SendRefusal(int fd, const absl::Status& status);

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_MESSAGES_H_
