// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_HANDOFF_VISITOR_H_
#define PERCPUD_TESTS_UNIT_HANDOFF_VISITOR_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "server/base/unique_fd.h"
#include "tests/support/send_fds.h"

namespace percpud::testing {

using abi::v1::Hello;
using abi::v1::MapMode;
using abi::v1::Refusal;
using abi::v1::Welcome;

inline constexpr absl::Duration kPatience = absl::Seconds(20);

inline Hello GoodHello(MapMode wanted = MapMode::kReadWrite,
                       std::uint32_t abilities = abi::v1::kCanRseq) {
  return {.magic = abi::v1::kHelloMagic,
          .version = abi::v1::kHandoffVersion,
          .wanted = static_cast<std::uint32_t>(wanted),
          .abilities = abilities,
          .resume = {}};
}

// What the daemon says, once: a Welcome with its descriptors, a Refusal, or
// that it hung up.
struct Reply {
  std::variant<std::monostate, Welcome, Refusal> said;
  std::vector<UniqueFd> fds;
};

// Somebody at the door, who says what a test has them say.
class Visitor {
 public:
  explicit Visitor(const std::string& path)
      : fd_(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0)
        << std::strerror(errno);
  }
  explicit Visitor(UniqueFd connected) : fd_(std::move(connected)) {}

  // The daemon may have hung up already.
  void Say(const void* data, std::size_t size) const {
    static_cast<void>(send(fd_.get(), data, size, MSG_NOSIGNAL));
  }
  void Say(const Hello& hello) const { Say(&hello, sizeof(hello)); }
  // False if the kernel does not let the descriptor through, since Linux 6.16.
  [[nodiscard]] bool SayWithFd(const Hello& hello, int fd) const {
    const std::string text(reinterpret_cast<const char*>(&hello), sizeof(hello));
    return SendWithFds(fd_.get(), text, std::span(&fd, 1));
  }

  // Something has come, if only the end.
  bool HearsWithin(absl::Duration patience) const {
    pollfd polled{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(patience))) == 1;
  }
  Reply Hear() const {
    Reply reply;
    std::array<std::byte, 512> buffer{};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(4 * sizeof(int))> control{};
    iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    EXPECT_TRUE(HearsWithin(kPatience));
    const ssize_t size = recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); size > 0 && c != nullptr;
         c = CMSG_NXTHDR(&message, c)) {
      for (std::size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
        reply.fds.emplace_back(fd);
      }
    }
    if (size == sizeof(Welcome)) {
      std::memcpy(&reply.said.emplace<Welcome>(), buffer.data(), sizeof(Welcome));
    } else if (size == sizeof(Refusal)) {
      std::memcpy(&reply.said.emplace<Refusal>(), buffer.data(), sizeof(Refusal));
    }
    return reply;
  }
  void Leave() { fd_.reset(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_HANDOFF_VISITOR_H_
