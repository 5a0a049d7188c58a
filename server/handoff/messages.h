// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is said at the side door (proto/percpud/abi/v1/handoff.h), as it goes over the
// socket. Nothing here waits for a peer, and no descriptor that a peer passed is closed
// here: closing it may take as long as the peer likes. Thread safe: no state.

#ifndef PERCPUD_SERVER_HANDOFF_MESSAGES_H_
#define PERCPUD_SERVER_HANDOFF_MESSAGES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "server/base/unique_fd.h"

namespace percpud {

enum class Heard : std::uint8_t {
  // No message has come, or memory is short just now.
  kNothing,
  kHello,
  // The end of the connection, or a message that is no Hello and nothing more.
  kOther,
};

// Receives the message that waits at `fd` into `hello`. A message with descriptors is not a
// Hello; they are added to `strays`, for the caller to close elsewhere.
Heard ReceiveHello(int fd, abi::v1::Hello& hello, std::vector<UniqueFd>& strays);

// With the descriptors, which stay the caller's. REQUIRES: one or two. Errors: OsRefused.
absl::Status SendWelcome(int fd, const abi::v1::Welcome& welcome, std::span<const int> fds);

// The last words to a peer that is about to be hung up on. Reads what it said before: a
// socket closed over something unread resets the peer, which then would not hear them.
// Descriptors that came with that are added to `strays`.
void SendRefusal(int fd, const absl::Status& status, std::vector<UniqueFd>& strays);

// Whether the peer has closed its end. Words of it may still wait to be read.
bool HasHungUp(int fd);

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_MESSAGES_H_
