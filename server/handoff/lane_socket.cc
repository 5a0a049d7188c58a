// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/lane_socket.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cassert>
#include <cerrno>

#include "proto/percpud/abi/v1/lane.h"
#include "server/handoff/strays.h"

namespace percpud {
namespace {

// Out of memory or buffers: a state that passes.
bool IsShortage(int error_number) { return error_number == ENOMEM || error_number == ENOBUFS; }

}  // namespace

LaneReceived ReceiveLaneMessage(int fd, std::span<std::byte> memory, std::size_t& bytes,
                                std::vector<UniqueFd>& strays) {
  assert(memory.size() >= abi::v1::kLaneMessageBytes);
  alignas(cmsghdr) StrayRoom control;
  iovec part{.iov_base = memory.data(), .iov_len = abi::v1::kLaneMessageBytes};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t length = 0;
  do {
    length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  if (length < 0) {
    return errno == EAGAIN || IsShortage(errno) ? LaneReceived::kNothing : LaneReceived::kEnd;
  }
  if (message.msg_controllen > 0) {
    TakeStrays(message, strays);
    return LaneReceived::kGarbage;
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return LaneReceived::kGarbage;
  if (length == 0) return LaneReceived::kEnd;
  bytes = static_cast<std::size_t>(length);
  return LaneReceived::kMessage;
}

LaneSent SendLaneMessage(int fd, abi::v1::LaneBytes message) {
  assert(!message.empty() && message.size() <= abi::v1::kLaneMessageBytes);
  ssize_t length = 0;
  do {
    length = send(fd, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (length < 0 && errno == EINTR);
  if (length >= 0) return LaneSent::kSent;
  return errno == EAGAIN || IsShortage(errno) ? LaneSent::kFull : LaneSent::kBroken;
}

void LimitUnreadAnswers(int fd) {
  // The kernel doubles it, and refuses a message that is longer than the result.
  const int half = static_cast<int>(abi::v1::kLaneMessageBytes / 2 + 4096);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof(half));
}

}  // namespace percpud
