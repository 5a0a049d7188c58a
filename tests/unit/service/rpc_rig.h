// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SERVICE_RPC_RIG_H_
#define PERCPUD_TESTS_UNIT_SERVICE_RPC_RIG_H_

#include <arpa/inet.h>
#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

#include "absl/time/time.h"
#include "server/base/unique_fd.h"
#include "server/service/rpc_server.h"

namespace percpud::testing {

// For what takes no time unless something is wrong.
inline constexpr absl::Duration kPatience = absl::Seconds(20);

// Two connected sockets, both non-blocking.
struct Ends {
  UniqueFd server;
  UniqueFd client;
};

// Local: the kernel vouches for both ends.
inline Ends UnixPair() {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  return {.server = UniqueFd(ends[0]), .client = UniqueFd(ends[1])};
}

// Over loopback: nobody knows who is at the other end.
inline Ends TcpPair() {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(listener.get(), any, size), 0);
  EXPECT_EQ(listen(listener.get(), 1), 0);
  EXPECT_EQ(getsockname(listener.get(), any, &size), 0);
  Ends out;
  out.client = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(out.client.get(), any, size), 0);
  out.server = UniqueFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  EXPECT_EQ(fcntl(out.client.get(), F_SETFL, O_NONBLOCK), 0);
  return out;
}

// A client's end of a new connection that `server` serves.
inline UniqueFd ConnectTo(RpcServer& server, Ends ends = TcpPair()) {
  server.Serve(ends.server.release());
  return std::move(ends.client);
}
// A channel over a new connection, which has the role of remote ones.
inline std::shared_ptr<grpc::Channel> ChannelTo(RpcServer& server, Ends ends = TcpPair()) {
  return grpc::CreateInsecureChannelFromFd("test", ConnectTo(server, std::move(ends)).release());
}

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_SERVICE_RPC_RIG_H_
