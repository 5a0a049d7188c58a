// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/host_port.h"

#include <gtest/gtest.h>

namespace percpud {
namespace {

TEST(HostPortTest, NamesAndAddressesHaveAPort) {
  for (const char* const text :
       {"localhost:1", "web-1.example.org:7331", "web_1:80", "10.0.0.1:65535", "[::1]:7331",
        "[fe80::1%eth0]:7331", "a:0", "dns.:80", "unix.example.org:80"}) {
    EXPECT_TRUE(IsHostAndPort(text)) << text;
  }
}

TEST(HostPortTest, WhateverElseGrpcWouldTakeIsNone) {
  for (const char* const text : {"",
                                 ":",
                                 "a",
                                 "a:",
                                 ":1",
                                 "a:b",
                                 "a:1x",
                                 "a:65536",
                                 "a:99999999999",
                                 "a:-1",
                                 "a b:1",
                                 "a\n:1",
                                 "::1:7331",
                                 "[]:1",
                                 "[::1:1",
                                 "::1]:1",
                                 "[a/b]:1",
                                 "unix:/run/a:1",
                                 "unix-abstract:a:1",
                                 "unix:80",
                                 "Unix:80",
                                 "unix-abstract:80",
                                 "vsock:1",
                                 "dns:80",
                                 "ipv4:80",
                                 "ipv6:80",
                                 "xds:80",
                                 "google-c2p:80",
                                 "google-c2p-experimental:80",
                                 "dns:///a:1",
                                 "dns://10.0.0.1/a:1",
                                 "ipv4:10.0.0.1:1,10.0.0.2:1",
                                 "10.0.0.1:1,10.0.0.2:1",
                                 "xds:///a:1",
                                 "a%2f:1",
                                 "user@a:1",
                                 "\xff:1"}) {
    EXPECT_FALSE(IsHostAndPort(text)) << text;
  }
}

}  // namespace
}  // namespace percpud
