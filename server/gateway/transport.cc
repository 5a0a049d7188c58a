// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/transport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpud::gateway {
namespace {

Transfer ToTransfer(ssize_t result) {
  if (result > 0) return {Transfer::End::kDone, static_cast<std::size_t>(result)};
  const bool is_blocked = result < 0 && (errno == EAGAIN || errno == EINTR);
  return {is_blocked ? Transfer::End::kBlocked : Transfer::End::kClosed};
}

std::string HostOf(const in_addr& address) {
  if (ntohl(address.s_addr) >> 24 == 127) return "127.0.0.1";
  std::array<char, INET_ADDRSTRLEN> text{};
  inet_ntop(AF_INET, &address, text.data(), text.size());
  return text.data();
}

std::string HostOf(const in6_addr& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    in_addr inner{};
    std::memcpy(&inner, &address.s6_addr[12], sizeof(inner));
    return HostOf(inner);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &address, text.data(), text.size());
  return text.data();
}

}  // namespace

Transfer PlainTransport::Read(std::span<std::uint8_t> out) {
  return ToTransfer(recv(fd_.get(), out.data(), out.size(), MSG_DONTWAIT));
}

Transfer PlainTransport::Write(std::span<const std::uint8_t> bytes) {
  return ToTransfer(send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

std::optional<std::string> HostAt(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
  if (address.ss_family == AF_INET) return HostOf(reinterpret_cast<sockaddr_in&>(address).sin_addr);
  if (address.ss_family != AF_INET6) return std::nullopt;
  return HostOf(reinterpret_cast<sockaddr_in6&>(address).sin6_addr);
}

Peer PlainPeer(const std::string& host) {
  return {.on_behalf = absl::StrCat(abi::v1::kPlainPeer, host), .most = Role::kViewer};
}

}  // namespace percpud::gateway
