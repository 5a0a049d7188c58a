// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/transport.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>

#include "server/base/tcp_socket.h"

namespace percpud::gateway {
namespace {

TEST(PlainTransportTest, SaysWhatCameOfIt) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  PlainTransport one{UniqueFd(ends[0])};
  std::array<std::uint8_t, 8> bytes{1, 2, 3};
  {
    PlainTransport other{UniqueFd(ends[1])};
    EXPECT_EQ(one.Read(bytes).end, Transfer::End::kBlocked);
    EXPECT_EQ(other.Write(std::span(bytes).first(3)).bytes, 3U);
    const Transfer read = one.Read(bytes);
    EXPECT_EQ(read.end, Transfer::End::kDone);
    EXPECT_EQ(read.bytes, 3U);
    while (one.Write(bytes).end == Transfer::End::kDone) {
    }
    EXPECT_EQ(one.Write(bytes).end, Transfer::End::kBlocked);
  }
  EXPECT_EQ(one.Read(bytes).end, Transfer::End::kClosed);
  EXPECT_EQ(one.Write(bytes).end, Transfer::End::kClosed);
}

// Connects to `address` from `source`, and says whom the other end takes it for.
std::string SeenFrom(const std::string& address, const std::string& source) {
  absl::StatusOr<TcpSocket> listener = BindTcp(address);
  if (!listener.ok()) return std::string(listener.status().message());
  const bool six = source.find(':') != std::string::npos;
  const UniqueFd client(socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage to{};
  socklen_t size = sizeof(to);
  getsockname(listener->fd.get(), reinterpret_cast<sockaddr*>(&to), &size);
  if (!six) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    inet_pton(AF_INET, source.c_str(), &from.sin_addr);
    EXPECT_EQ(bind(client.get(), reinterpret_cast<const sockaddr*>(&from), sizeof(from)), 0);
  }
  EXPECT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&to), size), 0);
  const UniqueFd accepted(accept4(listener->fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return HostAt(accepted.get()).value_or("gone");
}

TEST(HostAtTest, AllAddressesOfThisHostAreOne) {
  EXPECT_EQ(SeenFrom("127.0.0.1:0", "127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(SeenFrom("127.0.0.1:0", "127.7.7.7"), "127.0.0.1");
}

TEST(HostAtTest, ASocketOfAnotherKindHasNone) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd one(ends[0]);
  const UniqueFd other(ends[1]);
  EXPECT_EQ(HostAt(one.get()), std::nullopt);
}

TEST(PlainPeerTest, IsNeverMoreThanAViewer) {
  const Peer peer = PlainPeer("127.0.0.1");
  EXPECT_EQ(peer.on_behalf, "plain:127.0.0.1");
  EXPECT_EQ(peer.most, Role::kViewer);
}

}  // namespace
}  // namespace percpud::gateway
