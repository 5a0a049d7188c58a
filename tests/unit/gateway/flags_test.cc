// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace percpud::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Flags> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "percpud-gateway");
  return ParseFlags(static_cast<int>(arguments.size()), arguments.data());
}

TEST(GatewayFlagsTest, AsAServiceOfItsOwn) {
  const auto flags = Parse({"--listen", "127.0.0.1:1", "--listen", "[::1]:2", "--percpud",
                            "unix:/run/x", "--limits-message", "1MiB"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_THAT(flags->listen, ElementsAre("127.0.0.1:1", "[::1]:2"));
  EXPECT_EQ(flags->daemon_path, "/run/x");
  EXPECT_EQ(flags->message_limit, Bytes(1 << 20));
  EXPECT_EQ(flags->parent, 0);
}

TEST(GatewayFlagsTest, AsPercpudStartsIt) {
  const auto flags =
      Parse({"--parent", "77", "--percpud-fd", "3", "--listen-fd", "4", "--listen-fd", "5"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->parent, 77);
  EXPECT_EQ(flags->daemon_fd, 3);
  EXPECT_THAT(flags->listen_fds, ElementsAre(4, 5));
  EXPECT_EQ(flags->message_limit, kDefaultMessage);
}

TEST(GatewayFlagsTest, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::vector<const char*>, const char*>> cases = {
      {{"--percpud", "unix:/x"}, "listen: there is no address"},
      {{"--listen", "127.0.0.1:1"}, "percpud: say where"},
      {{"--listen", "127.0.0.1:1", "--percpud", "/x"}, "is not unix:PATH"},
      {{"--listen", "127.0.0.1:1", "--percpud", "unix:x"}, "is not unix:PATH"},
      {{"--listen", "0.0.0.0:1", "--percpud", "unix:/x"}, "loopback only"},
      {{"--listen", "example.org:1", "--percpud", "unix:/x"}, "loopback only"},
      {{"--listen", "127.0.0.1:1", "--percpud", "unix:/x", "--limits-message", "big"},
       "limits.message"},
      {{"--listen", "127.0.0.1:1", "--percpud", "unix:/x", "--percpud-fd", "3"}, "percpud: "}};
  for (const auto& [arguments, why] : cases) {
    const auto flags = Parse(arguments);
    EXPECT_EQ(flags.status().code(), absl::StatusCode::kInvalidArgument) << why;
    EXPECT_THAT(std::string(flags.status().message()), HasSubstr(why));
  }
}

TEST(GatewayFlagsTest, AnUnknownFlagEndsIt) {
  const auto flags = Parse({"--no-such-flag"});
  ASSERT_TRUE(flags.ok());
  EXPECT_EQ(flags->exit_code, 2);
}

}  // namespace
}  // namespace percpud::gateway
