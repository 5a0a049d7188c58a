// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/peer.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/limits.h"

namespace percpud {
namespace {

// Linux 6.5; Debian 12's headers do not have it yet.
constexpr int kSoPeerPidFd = 77;

}  // namespace

std::optional<Peer> AskPeer(int fd) {
  int domain = 0;
  socklen_t size = sizeof(domain);
  // Another kind of socket answers SO_PEERCRED too, with nobody.
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX) {
    return std::nullopt;
  }
  ucred credentials{};
  size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return Peer{.pid = ProcessId(credentials.pid),
              .uid = UserId(credentials.uid),
              .gid = UserGroupId(credentials.gid)};
}

std::string HostOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (getpeername(fd, any, &size) != 0) return {};
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return {};
  std::array<char, NI_MAXHOST> host{};
  constexpr int kNumbers = NI_NUMERICHOST;
  if (getnameinfo(any, size, host.data(), host.size(), nullptr, 0, kNumbers) != 0) return {};
  return host.data();
}

UniqueFd OpenProcess(int fd, const Peer& peer) {
  int process = -1;
  socklen_t size = sizeof(process);
  if (getsockopt(fd, SOL_SOCKET, kSoPeerPidFd, &process, &size) == 0) return UniqueFd(process);
  // By number, then, which may be another process's by now. While the connection is open,
  // the process that made it has most likely not ended.
  if (peer.pid == ProcessId(0)) return {};
  UniqueFd by_number(static_cast<int>(syscall(SYS_pidfd_open, peer.pid.value(), 0)));
  pollfd connection{.fd = fd, .events = POLLRDHUP, .revents = 0};
  const bool is_open = poll(&connection, 1, 0) == 0;
  return is_open ? std::move(by_number) : UniqueFd();
}

std::optional<std::uint64_t> StartOf(ProcessId process) {
  std::ifstream file(absl::StrCat("/proc/", process.value(), "/stat"));
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field is the name, in brackets, with whatever in it.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields =
      absl::StrSplit(line.substr(name_end + 1), ' ', absl::SkipEmpty());
  constexpr std::size_t kState = 0;
  constexpr std::size_t kStartTime = 19;
  std::uint64_t start = 0;
  if (fields.size() <= kStartTime || !absl::SimpleAtoi(fields[kStartTime], &start)) {
    return std::nullopt;
  }
  const bool is_dead = fields[kState] == "Z" || fields[kState] == "X";
  return is_dead ? std::nullopt : std::optional(start);
}

std::string CommandOf(const Peer& peer) {
  std::ifstream file(absl::StrCat("/proc/", peer.pid.value(), "/comm"));
  std::string command;
  std::getline(file, command);
  command.resize(std::min(command.size(), kMaxCommandLength));
  // A process names itself: nothing that a terminal would obey, and no broken
  // UTF-8, which would spoil every message that shows it.
  std::replace_if(
      command.begin(), command.end(),
      [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e;
      },
      '?');
  return command;
}

}  // namespace percpud
