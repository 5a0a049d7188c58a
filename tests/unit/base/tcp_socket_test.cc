// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/tcp_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "server/base/error_reason.h"

namespace percpud {
namespace {

using ::testing::EndsWith;
using ::testing::Not;
using ::testing::StartsWith;

TEST(TcpSocketTest, APortAskedForAsZeroHasItsNumber) {
  const auto socket = BindTcp("127.0.0.1:0");
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_THAT(socket->address, StartsWith("127.0.0.1:"));
  EXPECT_THAT(socket->address, Not(EndsWith(":0")));
}

TEST(TcpSocketTest, ListensWithoutWaiting) {
  const auto socket = BindTcp("127.0.0.1:0");
  ASSERT_TRUE(socket.ok()) << socket.status();
  int listens = 0;
  socklen_t size = sizeof(listens);
  ASSERT_EQ(getsockopt(socket->fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size), 0);
  EXPECT_EQ(listens, 1);
  EXPECT_EQ(accept(socket->fd.get(), nullptr, nullptr), -1);
}

TEST(TcpSocketTest, APortThatIsServedIsRefused) {
  const auto first = BindTcp("127.0.0.1:0");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(errors::ReasonOf(BindTcp(first->address).status()), "ADDRESS_IN_USE");
}

TEST(TcpSocketTest, WhatIsNoAddressIsNamed) {
  for (const char* const address : {"nowhere", "[::1:80", "no.such.host.invalid:80", "1.2.3:x"}) {
    EXPECT_EQ(errors::ReasonOf(BindTcp(address).status()), "BAD_CONFIG") << address;
  }
}

TEST(TcpSocketTest, KnowsWhatOnlyThisMachineReaches) {
  for (const char* const host : {"127.0.0.1", "127.9.9.9", "[::1]", "::1", "localhost"}) {
    EXPECT_TRUE(IsLoopback(host)) << host;
  }
  for (const char* const host :
       {"0.0.0.0", "10.0.0.1", "[::]", "::", "[fe80::1]", "example.org", ""}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

}  // namespace
}  // namespace percpud
