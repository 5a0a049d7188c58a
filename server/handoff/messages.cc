// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/messages.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"
#include "server/base/errors.h"
#include "server/handoff/strays.h"

namespace percpud {
namespace {

using abi::v1::Hello;
using abi::v1::Refusal;
using abi::v1::Welcome;

// Descriptors in a Welcome at most.
constexpr std::size_t kMostFds = 2;

// A message of one part. Views both.
msghdr MessageOf(iovec& part, std::span<std::byte> control) {
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  return message;
}

// Whether a failure to receive is of this moment only.
bool Passes(int error_number) {
  return error_number == EAGAIN || error_number == EINTR || error_number == ENOMEM ||
         error_number == ENOBUFS;
}

// Receives what waits at `fd` into `buffer`, with room for every descriptor that may come
// with it: the kernel closes those without a place on this thread. Returns the length, or
// -1. `has_more` says whether anything but bytes came.
ssize_t Receive(int fd, std::span<std::byte> buffer, bool& has_more,
                std::vector<UniqueFd>& strays) {
  alignas(cmsghdr) StrayRoom control;
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr message = MessageOf(part, control);
  const ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return -1;
  has_more = message.msg_controllen > 0;
  TakeStrays(message, strays);
  return length;
}

}  // namespace

Heard ReceiveHello(int fd, Hello& hello, std::vector<UniqueFd>& strays) {
  // One byte more tells a message that is too long.
  std::array<std::byte, sizeof(Hello) + 1> buffer{};
  bool has_more = false;
  const ssize_t length = Receive(fd, buffer, has_more, strays);
  if (length < 0) return Passes(errno) ? Heard::kNothing : Heard::kOther;
  if (has_more || length != sizeof(Hello)) return Heard::kOther;
  std::memcpy(&hello, buffer.data(), sizeof(hello));
  return hello.magic == abi::v1::kHelloMagic ? Heard::kHello : Heard::kOther;
}

absl::Status SendWelcome(int fd, const Welcome& welcome, std::span<const int> fds) {
  assert(!fds.empty() && fds.size() <= kMostFds);
  Welcome sent = welcome;
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMostFds * sizeof(int))> control{};
  iovec part{.iov_base = &sent, .iov_len = sizeof(sent)};
  msghdr message = MessageOf(part, std::span(control).first(CMSG_SPACE(fds.size_bytes())));
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    return errors::OsRefused("sendmsg", "welcome", errno);
  }
  return absl::OkStatus();
}

void SendRefusal(int fd, const absl::Status& status, std::vector<UniqueFd>& strays) {
  shutdown(fd, SHUT_RD);
  std::array<std::byte, 1> unread{};
  bool has_more = false;
  while (Receive(fd, unread, has_more, strays) > 0) {
  }
  Refusal refusal{};
  refusal.magic = abi::v1::kRefusalMagic;
  refusal.code = static_cast<std::uint32_t>(status.code());
  const absl::string_view text = status.message().substr(0, refusal.message.size() - 1);
  std::copy(text.begin(), text.end(), refusal.message.begin());
  // Nobody waits for a peer that will not read.
  static_cast<void>(send(fd, &refusal, sizeof(refusal), MSG_DONTWAIT | MSG_NOSIGNAL));
}

bool HasHungUp(int fd) {
  pollfd polled{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return poll(&polled, 1, 0) > 0 && (polled.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace percpud
