// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/messages.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

using abi::v1::Hello;
using abi::v1::Refusal;
using abi::v1::Welcome;

// Descriptors a peer may send us in one message, before the kernel cuts it off.
constexpr std::size_t kStrayFds = 8;
// Those of a Welcome.
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

// Closes whatever descriptors came with a message: none was asked for.
void CloseStrays(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
      close(fd);
    }
  }
}

}  // namespace

std::optional<Hello> ReceiveHello(int fd) {
  Hello hello{};
  // One byte more tells a message that is too long.
  std::array<std::byte, sizeof(Hello) + 1> buffer{};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kStrayFds * sizeof(int))> control{};
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr message = MessageOf(part, control);
  const ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return std::nullopt;
  const bool strays = message.msg_controllen > 0;
  CloseStrays(message);
  if (strays || length != sizeof(Hello)) return std::nullopt;
  std::memcpy(&hello, buffer.data(), sizeof(hello));
  if (hello.magic != abi::v1::kHelloMagic) return std::nullopt;
  return hello;
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

void SendRefusal(int fd, const absl::Status& status) {
  shutdown(fd, SHUT_RD);
  std::byte unread{};
  while (recv(fd, &unread, sizeof(unread), MSG_DONTWAIT) > 0) {
  }
  Refusal refusal{};
  refusal.magic = abi::v1::kRefusalMagic;
  refusal.code = static_cast<std::uint32_t>(status.code());
  const absl::string_view text = status.message().substr(0, refusal.message.size() - 1);
  std::copy(text.begin(), text.end(), refusal.message.begin());
  // Nobody waits for a peer that will not read.
  static_cast<void>(send(fd, &refusal, sizeof(refusal), MSG_DONTWAIT | MSG_NOSIGNAL));
}

}  // namespace percpud
