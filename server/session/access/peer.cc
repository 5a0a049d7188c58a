// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/peer.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
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

std::string ReadText(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

UserId KnownUser(UserId uid) {
  constexpr std::uint32_t kUsualOverflow = 65534;
  static const auto* const uid_map = new std::string(ReadText("/proc/self/uid_map"));
  static const UserId overflow = [] {
    std::uint32_t number = kUsualOverflow;
    const std::string text = ReadText("/proc/sys/kernel/overflowuid");
    return UserId(absl::SimpleAtoi(text, &number) ? number : kUsualOverflow);
  }();
  return KnownUser(uid, *uid_map, overflow);
}

// Every group of the peer's process as of its connect(); the kernel says how many there are.
std::vector<UserGroupId> AskGroups(int fd) {
  std::vector<gid_t> groups(32);
  for (int tries = 0; tries < 4; ++tries) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
      groups.resize(size / sizeof(gid_t));
      return {groups.begin(), groups.end()};
    }
    if (errno != ERANGE) break;
    groups.resize(size / sizeof(gid_t));
  }
  return {};
}

}  // namespace

UserId KnownUser(UserId uid, const std::string& uid_map, UserId overflow) {
  if (uid != overflow) return uid;
  // The map of the first namespace: every user has a number, and this one is somebody's.
  std::istringstream fields(uid_map);
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  const bool is_whole = fields >> inside >> outside >> count && inside == 0 && outside == 0 &&
                        count == kNobody.value();
  return is_whole ? uid : kNobody;
}

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
              .uid = KnownUser(UserId(credentials.uid)),
              .gid = UserGroupId(credentials.gid),
              .groups = AskGroups(fd)};
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

ProcessSighting LookAtProcess(ProcessId process) {
  if (process == ProcessId(0)) return {};
  const UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, process.value(), 0)));
  // Readable once the last thread has ended: a main thread may end before.
  pollfd ended{.fd = handle.get(), .events = POLLIN, .revents = 0};
  const bool is_gone = handle.ok() ? poll(&ended, 1, 0) > 0 : errno == ESRCH;
  return {.is_gone = is_gone, .started = is_gone ? std::nullopt : StartOf(process)};
}

std::uint64_t PidNamespace() {
  struct stat info {};
  return stat("/proc/self/ns/pid", &info) == 0 ? info.st_ino : 0;
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
