// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_INTEGRATION_SERVICE_MANAGER_H_
#define PERCPUD_TESTS_INTEGRATION_SERVICE_MANAGER_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/unique_fd.h"
#include "tests/support/process.h"

namespace percpu::testing {

// Does with the daemon what systemd does: hears its news, keeps its descriptor,
// passes descriptors to it.
class ServiceManager {
 public:
  // Hears at `path`.
  explicit ServiceManager(std::string path)
      : path_(std::move(path)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }

  struct Passed {
    std::string name;
    int fd = -1;
  };
  // Runs a command with these as its descriptors 3, 4 and so on.
  [[nodiscard]] absl::StatusOr<percpud::testing::Process> Start(
      const std::vector<std::string>& command, const std::vector<Passed>& passed,
      std::vector<std::string> env = {}) const {
    std::string script;
    std::vector<percpud::UniqueFd> inherited;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < passed.size(); ++i) {
      // Out of the way of the numbers they are to have; to be inherited.
      const int fd = fcntl(passed[i].fd, F_DUPFD, kOutOfTheWay);
      inherited.emplace_back(fd);
      absl::StrAppend(&script, "exec ", i + 3, "<&", fd, " ", fd, "<&-;");
      names.push_back(passed[i].name);
    }
    if (!passed.empty()) {
      absl::StrAppend(&script, "export LISTEN_PID=$$ LISTEN_FDS=", names.size(),
                      " LISTEN_FDNAMES=", absl::StrJoin(names, ":"), ";");
    }
    absl::StrAppend(&script, "exec \"$@\"");
    std::vector<std::string> argv = {"/bin/bash", "-c", script, "bash"};
    argv.insert(argv.end(), command.begin(), command.end());
    env.push_back("NOTIFY_SOCKET=" + path_);
    return percpud::testing::Process::Spawn(argv, env);
  }

  // What the daemon says next; descriptors that come with it are kept. Empty if
  // nothing comes in time.
  std::string Hear(int patience_ms = 60'000) {
    pollfd polled{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (poll(&polled, 1, patience_ms) != 1) return "";
    std::array<char, 512> text{};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (const cmsghdr* rights = CMSG_FIRSTHDR(&message);
        rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
      kept_ = percpud::UniqueFd(fd);
    }
    return {text.data(), static_cast<std::size_t>(size < 0 ? 0 : size)};
  }
  // Goes on until news start so; false if they do not in a minute each.
  bool HearNews(const std::string& start) {
    for (std::string news = Hear(); !news.empty(); news = Hear()) {
      if (absl::StartsWith(news, start)) return true;
      heard_ += news;
    }
    return false;
  }
  // Everything but what HearNews was after.
  [[nodiscard]] const std::string& heard() const { return heard_; }
  percpud::UniqueFd& kept() { return kept_; }

 private:
  static constexpr int kOutOfTheWay = 100;

  const std::string path_;
  percpud::UniqueFd socket_;
  percpud::UniqueFd kept_;
  std::string heard_;
};

}  // namespace percpu::testing

#endif  // PERCPUD_TESTS_INTEGRATION_SERVICE_MANAGER_H_
