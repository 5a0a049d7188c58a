// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/door.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "proto/percpud/abi/v1/wire.h"

namespace percpud::c {
namespace {

using abi::v1::Hello;
using abi::v1::MapMode;
using abi::v1::Refusal;
using abi::v1::Welcome;

constexpr char kUnixPrefix[] = "unix:";
constexpr std::size_t kPrefix = sizeof(kUnixPrefix) - 1;

bool DoorAddress(const char* address, sockaddr_un& out) {
  const std::size_t length = std::strlen(address);
  if (std::strncmp(address, kUnixPrefix, kPrefix) != 0 ||
      length - kPrefix + sizeof(abi::v1::kDoorSuffix) > sizeof(out.sun_path)) {
    errno = EINVAL;
    return false;
  }
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, address + kPrefix, length - kPrefix);
  std::memcpy(out.sun_path + length - kPrefix, abi::v1::kDoorSuffix, sizeof(abi::v1::kDoorSuffix));
  return true;
}

// Closes a descriptor without touching errno.
int Drop(int fd) {
  const int kept = errno;
  close(fd);
  errno = kept;
  return kNoDoor;
}

// The descriptors of a message, two at most; more are closed. Their number.
std::size_t TakeDescriptors(msghdr& header, std::array<int, 2>& fds) {
  std::size_t count = 0;
  for (cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr;
       rights = CMSG_NXTHDR(&header, rights)) {
    if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t sent = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < sent; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(rights) + i * sizeof(int), sizeof(fd));
      if (count < fds.size()) {
        fds[count++] = fd;
      } else {
        close(fd);
      }
    }
  }
  return count;
}

void TakeRefusal(const std::byte* message, Greeting& out) {
  Refusal refusal;
  std::memcpy(&refusal, message, sizeof(refusal));
  out.kind = Greeting::Kind::kRefusal;
  out.code = refusal.code;
  std::copy(refusal.message.begin(), refusal.message.end(), out.text);
}

// Returns false if the message is no Welcome.
bool TakeWelcome(const std::byte* message, const std::array<int, 2>& fds, std::size_t count,
                 Greeting& out) {
  std::memcpy(&out.welcome, message, sizeof(out.welcome));
  if (out.welcome.magic != abi::v1::kWelcomeMagic ||
      out.welcome.granted > static_cast<std::uint32_t>(MapMode::kReadWrite)) {
    return false;
  }
  const bool mapped = out.welcome.granted != static_cast<std::uint32_t>(MapMode::kNone);
  if (count != (mapped ? 2U : 1U)) return false;
  out.kind = Greeting::Kind::kWelcome;
  out.layout = fds[count - 1];
  if (mapped) out.arena = fds[0];
  return true;
}

}  // namespace

int Knock(const char* address, std::uint32_t version, MapMode wanted, std::uint32_t abilities,
          const std::array<std::uint8_t, 16>& resume) {
  sockaddr_un door{};
  if (!DoorAddress(address, door)) return kNoDoor;
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return kNoDoor;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&door), sizeof(door)) != 0) return Drop(fd);
  const Hello hello{.magic = abi::v1::kHelloMagic,
                    .version = version,
                    .wanted = static_cast<std::uint32_t>(wanted),
                    .abilities = abilities,
                    .resume = resume};
  // The daemon may have refused already: its words are read whether ours went out or not.
  static_cast<void>(send(fd, &hello, sizeof(hello), MSG_NOSIGNAL));
  return fd;
}

Greeting ReceiveGreeting(int door) {
  Greeting out;
  alignas(8) std::array<std::byte, sizeof(Refusal) + 8> message{};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(2 * sizeof(int))> control{};
  iovec part{.iov_base = message.data(), .iov_len = message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = recvmsg(door, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return out;
  std::array<int, 2> fds{-1, -1};
  const std::size_t count = size > 0 ? TakeDescriptors(header, fds) : 0;
  std::uint32_t magic = 0;
  std::memcpy(&magic, message.data(), sizeof(magic));
  if (size == sizeof(Welcome) && TakeWelcome(message.data(), fds, count, out)) return out;
  for (const int fd : fds) {
    if (fd >= 0) close(fd);
  }
  if (size == sizeof(Refusal) && magic == abi::v1::kRefusalMagic) {
    TakeRefusal(message.data(), out);
    return out;
  }
  out.kind = Greeting::Kind::kHungUp;
  return out;
}

}  // namespace percpud::c
