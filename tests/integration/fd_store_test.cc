// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The arena as a memfd that a service manager keeps: this test is the manager,
// and does with the daemon's descriptor what systemd does.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/sdk/percpu/session.h"
#include "server/base/unique_fd.h"
#include "tests/integration/children.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

using percpud::UniqueFd;
using percpud::testing::BinaryPath;
using percpud::testing::Process;
using testing::Child;

constexpr int kPatienceMs = 60'000;
constexpr absl::Duration kPatience = absl::Milliseconds(kPatienceMs);

class FdStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    manager_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, notify().c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(manager_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }

  // What the daemon says next; descriptors that come with it are kept.
  std::string Hear() {
    pollfd polled{.fd = manager_.get(), .events = POLLIN, .revents = 0};
    if (poll(&polled, 1, kPatienceMs) != 1) return "";
    std::array<char, 512> text{};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = recvmsg(manager_.get(), &message, 0);
    if (const cmsghdr* rights = CMSG_FIRSTHDR(&message);
        rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
      // To be inherited.
      fcntl(fd, F_SETFD, 0);
      kept_ = UniqueFd(fd);
    }
    return {text.data(), static_cast<std::size_t>(size < 0 ? 0 : size)};
  }
  bool HearReady() {
    for (std::string news = Hear(); !news.empty(); news = Hear()) {
      if (absl::StartsWith(news, "READY=1")) return true;
      heard_ += news;
    }
    return false;
  }

  absl::StatusOr<Process> Start() {
    const std::string passed = kept_.ok()
                                   ? absl::StrCat("exec 3<&", kept_.get(),
                                                  "; export LISTEN_PID=$$ LISTEN_FDS=1 "
                                                  "LISTEN_FDNAMES=percpud-arena; exec \"$@\"")
                                   : "exec \"$@\"";
    return Process::Spawn({"/bin/bash", "-c", passed, "bash", BinaryPath("percpud"), "--listen",
                           address(), "--arena-size", "64MiB", "--catalog", dir_.path() + "/c"},
                          {"NOTIFY_SOCKET=" + notify()});
  }
  [[nodiscard]] std::string notify() const { return dir_.path() + "/notify"; }
  [[nodiscard]] std::string address() const { return "unix:" + dir_.path() + "/percpud.sock"; }
  int Variable(bool create, std::int64_t value) {
    return Child([&] {
             Client client = *Client::Connect(address());
             const auto made = client.OpenVariable(
                 {.name = "v", .size_bytes = create ? 8U : 0U, .create = create});
             if (!made.ok()) return 1;
             const Pointer pointer{made->variable().pointer()};
             if (create && !client.Add(pointer, value).ok()) return 2;
             return client.Sum(pointer).value_or(-1) == value ? 0 : 3;
           })
        .Wait();
  }

  percpud::testing::TempDir dir_;
  UniqueFd manager_;
  UniqueFd kept_;
  std::string heard_;
};

TEST_F(FdStoreTest, TheArenaComesBackFromTheStore) {
  {
    auto daemon = Start();
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    ASSERT_TRUE(HearReady());
    EXPECT_TRUE(absl::StrContains(heard_, "FDSTORE=1")) << heard_;
    EXPECT_TRUE(absl::StrContains(heard_, "FDNAME=percpud-arena")) << heard_;
    ASSERT_TRUE(kept_.ok());
    EXPECT_EQ(Variable(/*create=*/true, 42), 0);
    daemon->Kill(SIGKILL);
    ASSERT_TRUE(daemon->Wait(kPatience).ok());
  }
  auto daemon = Start();
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  ASSERT_TRUE(HearReady());
  EXPECT_EQ(Variable(/*create=*/false, 42), 0);
  daemon->Kill(SIGTERM);
  EXPECT_TRUE(daemon->Wait(kPatience).ok());
  EXPECT_TRUE(absl::StrContains(daemon->err(), "start is warm")) << daemon->err();
}

// The store was emptied (a stop of the unit): the catalog tells of what is gone.
TEST_F(FdStoreTest, AnEmptyStoreIsACleanStart) {
  {
    auto daemon = Start();
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    ASSERT_TRUE(HearReady());
    daemon->Kill(SIGKILL);
    ASSERT_TRUE(daemon->Wait(kPatience).ok());
  }
  kept_.reset();
  auto daemon = Start();
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  ASSERT_TRUE(HearReady());
  daemon->Kill(SIGTERM);
  EXPECT_TRUE(daemon->Wait(kPatience).ok());
  EXPECT_TRUE(absl::StrContains(daemon->err(), "start is cold: the arena is gone"))
      << daemon->err();
}

}  // namespace
}  // namespace percpu
