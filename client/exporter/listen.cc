// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/listen.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace percpud::exporter {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr int kBacklog = 64;

absl::Status Refuse(const std::string& address, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("--listen ", address, ": ", absl::string_view(why.data(), why.size())));
}

// Binds and listens. Closes the socket if that fails.
absl::StatusOr<int> BindTo(const std::string& address, int socket, const sockaddr* to,
                           socklen_t bytes) {
  if (socket >= 0 && bind(socket, to, bytes) == 0 && listen(socket, kBacklog) == 0) return socket;
  const int error = errno;
  if (socket >= 0) close(socket);
  return Refuse(address, std::strerror(error));
}

// Whether the file is a socket on which nobody listens.
bool IsLeftOver(const sockaddr_un& to) {
  struct stat info {};
  if (lstat(to.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool refused = connect(probe, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 &&
                       errno == ECONNREFUSED;
  close(probe);
  return refused;
}

absl::StatusOr<int> ListenAtPath(const std::string& address) {
  const std::string path = address.substr(kUnix.size());
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(to.sun_path)) {
    return Refuse(address, "the path is empty or too long");
  }
  path.copy(to.sun_path, sizeof(to.sun_path) - 1);
  if (IsLeftOver(to)) unlink(to.sun_path);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return BindTo(address, socket, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
}

absl::StatusOr<int> ListenAtPort(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return Refuse(address, "is neither HOST:PORT nor unix:PATH");
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                address.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0) return Refuse(address, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, &freeaddrinfo);
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  return BindTo(address, socket, found->ai_addr, found->ai_addrlen);
}

}  // namespace

absl::StatusOr<int> Listen(const std::string& address) {
  return address.starts_with(kUnix) ? ListenAtPath(address) : ListenAtPort(address);
}

std::string AddressOf(int socket) {
  sockaddr_storage at{};
  socklen_t bytes = sizeof(at);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&at), &bytes) != 0) return "?";
  if (at.ss_family == AF_UNIX) {
    return absl::StrCat("unix:", reinterpret_cast<const sockaddr_un&>(at).sun_path);
  }
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&at), bytes, host, sizeof(host), port,
                  sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "?";
  }
  return at.ss_family == AF_INET6 ? absl::StrCat("[", host, "]:", port)
                                  : absl::StrCat(host, ":", port);
}

}  // namespace percpud::exporter
