// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Messages of the lane over a SEQPACKET socket. Nothing here waits for a peer, and no
// descriptor that a peer passed is closed here: closing it may take as long as the peer
// likes. Thread safe: no state.

#ifndef PERCPUD_SERVER_HANDOFF_LANE_SOCKET_H_
#define PERCPUD_SERVER_HANDOFF_LANE_SOCKET_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proto/percpud/abi/v1/lane_record.h"
#include "server/base/unique_fd.h"

namespace percpud {

enum class LaneReceived : std::uint8_t {
  kMessage,
  // None has come, or memory is short just now.
  kNothing,
  // The peer has closed, or said so with an empty message.
  kEnd,
  // A message that is too long or brought descriptors.
  kGarbage,
};

// Receives the next message into `memory`; `bytes` says how long it is. Descriptors that
// came with it are added to `strays`, for the caller to close elsewhere.
LaneReceived ReceiveLaneMessage(int fd, std::span<std::byte> memory, std::size_t& bytes,
                                std::vector<UniqueFd>& strays);

enum class LaneSent : std::uint8_t {
  kSent,
  // The peer has not read what was sent before, or memory is short just now.
  kFull,
  // The peer has closed.
  kBroken,
};

LaneSent SendLaneMessage(int fd, abi::v1::LaneBytes message);

// Bounds what the kernel keeps of answers that the peer does not read: the room is for
// one message of the largest size, or about a hundred small ones.
void LimitUnreadAnswers(int fd);

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_LANE_SOCKET_H_
