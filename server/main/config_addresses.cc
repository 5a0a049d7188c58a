// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/parse.h"
#include "server/base/tcp_socket.h"
#include "server/main/config_parts.h"

namespace percpud {
namespace {

using config::v1::Config;

constexpr absl::string_view kUnixPrefix = "unix:";
// sun_path less its terminating zero, less the suffixes of the side door and of
// the lock file.
constexpr std::size_t kMaxSocketPath = 107 - 5 - 5;

void CheckUnix(const std::string& address, absl::string_view path, ConfigErrors& errors) {
  if (path.empty() || path[0] != '/') {
    errors.Add("listen", absl::StrCat(address, ": the path is not absolute"));
  } else if (path.size() > kMaxSocketPath) {
    errors.Add("listen",
               absl::StrCat(address, ": the path is longer than ", kMaxSocketPath, " bytes"));
  }
}

bool IsHostAndPort(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::uint32_t port = 0;
  return colon != std::string::npos && colon != 0 &&
         address.find_first_not_of("0123456789", colon + 1) == std::string::npos &&
         absl::SimpleAtoi(absl::string_view(address).substr(colon + 1), &port) && port <= 65535;
}

void CheckTcp(const std::string& address, ConfigErrors& errors) {
  const std::optional<std::string> tls = TlsAddress(address);
  if (!IsHostAndPort(tls.value_or(address))) {
    errors.Add("listen", absl::StrCat("\"", address,
                                      "\" is neither unix:PATH nor tls:HOST:PORT nor HOST:PORT"));
  } else if (!tls && !IsLoopback(address.substr(0, address.rfind(':')))) {
    errors.Add("listen", absl::StrCat(address,
                                      ": TCP is plain text, and is served on loopback "
                                      "only: 127.0.0.1, [::1] or localhost; tls:",
                                      address, " may be anywhere"));
  }
}

void TakeListen(const Config& config, DaemonConfig& out, ConfigErrors& errors) {
  out.listen.assign(config.listen().begin(), config.listen().end());
  if (out.listen.empty()) out.listen.emplace_back(abi::v1::kDefaultAddress);
  for (auto it = out.listen.begin(); it != out.listen.end(); ++it) {
    absl::string_view rest = *it;
    if (absl::ConsumePrefix(&rest, kUnixPrefix)) {
      CheckUnix(*it, rest, errors);
    } else {
      CheckTcp(*it, errors);
    }
    if (std::find(out.listen.begin(), it, *it) != it) {
      errors.Add("listen", absl::StrCat(*it, " is named twice"));
    }
  }
}

void TakeSocketMode(const Config& config, DaemonConfig& out, ConfigErrors& errors) {
  if (config.socket_mode().empty()) return;
  if (const std::optional<unsigned> mode = ParseMode(config.socket_mode())) {
    out.socket_mode = *mode;
  } else {
    errors.Add("socket_mode", absl::StrCat("\"", config.socket_mode(), "\" is no octal mode"));
  }
}

void TakeDoor(const Config& config, DaemonConfig& out, ConfigErrors& errors) {
  absl::string_view door = config.door();
  if (door == "none") return;
  if (door.empty()) {
    const auto first = std::find_if(out.listen.begin(), out.listen.end(), IsUnixAddress);
    if (first == out.listen.end()) return;
    out.door = absl::StrCat(first->substr(kUnixPrefix.size()), abi::v1::kDoorSuffix);
  } else if (absl::ConsumePrefix(&door, kUnixPrefix) && !door.empty() && door[0] == '/' &&
             door.size() <= kMaxSocketPath) {
    out.door = std::string(door);
  } else {
    errors.Add("door",
               absl::StrCat("\"", config.door(), "\" is neither unix:PATH, absolute and of ",
                            kMaxSocketPath, " bytes at most, nor none"));
  }
}

void TakeGateway(const Config& config, DaemonConfig& out, ConfigErrors& errors) {
  absl::string_view path = config.gateway();
  if (path.empty()) return;
  if (absl::ConsumePrefix(&path, kUnixPrefix) && !path.empty() && path[0] == '/' &&
      path.size() <= kMaxSocketPath) {
    out.gateway = std::string(path);
  } else {
    errors.Add("gateway",
               absl::StrCat("\"", config.gateway(), "\" is not unix:PATH, absolute and of ",
                            kMaxSocketPath, " bytes at most"));
  }
}

}  // namespace

bool IsUnixAddress(const std::string& address) { return absl::StartsWith(address, kUnixPrefix); }

std::optional<std::string> TlsAddress(const std::string& address) {
  absl::string_view rest = address;
  return absl::ConsumePrefix(&rest, "tls:") ? std::optional(std::string(rest)) : std::nullopt;
}

void TakeAddresses(const Config& config, DaemonConfig& out, ConfigErrors& errors) {
  TakeListen(config, out, errors);
  TakeSocketMode(config, out, errors);
  TakeDoor(config, out, errors);
  TakeGateway(config, out, errors);
}

}  // namespace percpud
