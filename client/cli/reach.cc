// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/reach.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cli/text.h"

namespace percpu::cli {
namespace {

constexpr absl::string_view kAnother = "(--address or PERCPUD_ADDRESS names another)";
constexpr absl::string_view kSaysWhy = "percpuctl/says-why";
constexpr std::size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;

std::optional<std::string> PathOf(absl::string_view address) {
  if (!absl::ConsumePrefix(&address, "unix:")) return std::nullopt;
  return std::string(address);
}

// 0, or the error that connecting gives.
int TryToConnect(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() > kMaxPath) return ENAMETOOLONG;
  std::memcpy(name.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  const int error = connected ? 0 : errno;
  close(fd);
  return error;
}

std::string UserName(uid_t id) {
  const passwd* entry = getpwuid(id);
  return entry == nullptr ? absl::StrCat("uid ", id) : entry->pw_name;
}

std::string GroupName(gid_t id) {
  const group* entry = getgrgid(id);
  return entry == nullptr ? absl::StrCat("gid ", id) : entry->gr_name;
}

// Who may connect, and how one becomes one of them.
std::string WhoMay(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return "a folder on the way to it is closed to you";
  const std::string mode = absl::StrFormat("mode %04o", found.st_mode & 07777U);
  if ((found.st_mode & S_IWGRP) == 0) {
    return absl::StrCat("only its owner, ", UserName(found.st_uid), ", may connect (", mode,
                        "): run percpuctl as that user or as root, or give the daemon another "
                        "--socket-mode");
  }
  const std::string group = GroupName(found.st_gid);
  return absl::StrCat("the members of group ", group, " may connect (", mode, "): `adduser ",
                      UserName(geteuid()), " ", group, "` as root, then log in again");
}

}  // namespace

std::optional<std::string> SocketPath(absl::string_view address) {
  if (absl::ConsumePrefix(&address, "unix:")) {
    // gRPC's other way to write an absolute path.
    absl::ConsumePrefix(&address, "//");
    return std::string(address);
  }
  if (absl::StrContains(address, '/')) return std::string(address);
  return std::nullopt;
}

absl::Status CheckAddress(const std::string& address) {
  const std::optional<std::string> path = PathOf(address);
  if (!path || path->size() <= kMaxPath) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("address: the path has ", path->size(),
                                                 " bytes, and a Unix socket's has at most ",
                                                 kMaxPath));
}

std::string WhyUnreachable(const std::string& address) {
  const std::string cannot = absl::StrCat("cannot reach percpud at ", Printable(address), ": ");
  const std::optional<std::string> path = PathOf(address);
  if (!path) return absl::StrCat(cannot, "is the daemon running? ", kAnother);
  switch (TryToConnect(*path)) {
    case EACCES:
    case EPERM:
      return absl::StrCat("permission denied: ", Printable(*path), ": ", WhoMay(*path));
    case ENOENT:
      return absl::StrCat(cannot, "there is no such socket: is the daemon running? ", kAnother);
    case ECONNREFUSED:
      return absl::StrCat(cannot, "nobody serves that socket: is the daemon running? ", kAnother);
    case EAGAIN:
      return absl::StrCat(cannot, "it accepts no connections at present");
    default:
      return absl::StrCat(cannot, "is the daemon running? ", kAnother);
  }
}

absl::Status Unreachable(absl::string_view message) {
  absl::Status out = absl::UnavailableError(message);
  out.SetPayload(kSaysWhy, {});
  return out;
}

bool SaysWhy(const absl::Status& status) { return status.GetPayload(kSaysWhy).has_value(); }

}  // namespace percpu::cli
