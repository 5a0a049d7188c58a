// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SDK_FAKE_DOOR_H_
#define PERCPUD_TESTS_UNIT_SDK_FAKE_DOOR_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "server/base/unique_fd.h"
#include "tests/support/process.h"

namespace percpu::testing {

// A side door in the hands of a test: says what the test says, when it says so.
class FakeDoor {
 public:
  // Where a visitor is: connected, its Hello read.
  struct Visitor {
    percpud::UniqueFd fd;
    percpud::abi::v1::Hello hello{};
    [[nodiscard]] std::string resumes() const {
      const bool anew = std::all_of(hello.resume.begin(), hello.resume.end(),
                                    [](std::uint8_t byte) { return byte == 0; });
      return anew ? std::string() : std::string(hello.resume.begin(), hello.resume.end());
    }
  };

  explicit FakeDoor(int backlog = 16) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(socket_.get(), backlog), 0);
  }

  [[nodiscard]] std::string path() const { return dir_.path() + "/door"; }

  // The next visitor who says Hello.
  [[nodiscard]] Visitor Receive() const {
    Visitor visitor;
    EXPECT_TRUE(IsReadable(socket_.get()));
    visitor.fd = percpud::UniqueFd(accept(socket_.get(), nullptr, nullptr));
    EXPECT_TRUE(IsReadable(visitor.fd.get()));
    EXPECT_EQ(recv(visitor.fd.get(), &visitor.hello, sizeof(visitor.hello), 0),
              static_cast<ssize_t>(sizeof(visitor.hello)));
    return visitor;
  }
  // Whether somebody waits at the door at this moment.
  [[nodiscard]] bool HasVisitor() const {
    pollfd polled{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    return poll(&polled, 1, 0) == 1;
  }

  // Lets a visitor in as session `id` with a token of that letter, and hands it a
  // memfd for the layout page (and the arena).
  static void Welcome(const Visitor& visitor, std::uint64_t id, char letter, bool with_fds = true,
                      std::uint32_t version = percpud::abi::v1::kHandoffVersion) {
    percpud::abi::v1::Welcome welcome{};
    welcome.magic = percpud::abi::v1::kWelcomeMagic;
    welcome.version = version;
    welcome.session = id;
    welcome.token.fill(static_cast<std::uint8_t>(letter));
    welcome.granted = static_cast<std::uint32_t>(percpud::abi::v1::MapMode::kReadWrite);
    const percpud::UniqueFd memory(memfd_create("fake", MFD_CLOEXEC));
    const int fds[2] = {memory.get(), memory.get()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = {};
    iovec part{.iov_base = &welcome, .iov_len = sizeof(welcome)};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (with_fds) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      cmsghdr* rights = CMSG_FIRSTHDR(&message);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(fds));
      std::memcpy(CMSG_DATA(rights), fds, sizeof(fds));
    }
    EXPECT_EQ(sendmsg(visitor.fd.get(), &message, MSG_NOSIGNAL),
              static_cast<ssize_t>(sizeof(welcome)));
  }
  static void Refuse(const Visitor& visitor, absl::StatusCode code) {
    percpud::abi::v1::Refusal refusal{};
    refusal.magic = percpud::abi::v1::kRefusalMagic;
    refusal.code = static_cast<std::uint32_t>(code);
    std::strncpy(refusal.message.data(), "not now", refusal.message.size());
    EXPECT_EQ(send(visitor.fd.get(), &refusal, sizeof(refusal), MSG_NOSIGNAL),
              static_cast<ssize_t>(sizeof(refusal)));
  }
  // Whether the other side of `fd` has closed it, in a while.
  [[nodiscard]] static bool HasLeft(const Visitor& visitor) {
    char byte = 0;
    return IsReadable(visitor.fd.get()) && recv(visitor.fd.get(), &byte, 1, 0) == 0;
  }

 private:
  static bool IsReadable(int fd) {
    constexpr int kPatienceMs = 20'000;
    pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&polled, 1, kPatienceMs) == 1;
  }

  percpud::testing::TempDir dir_;
  const percpud::UniqueFd socket_{socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
};

}  // namespace percpu::testing

#endif  // PERCPUD_TESTS_UNIT_SDK_FAKE_DOOR_H_
