// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/fleet/atomic_file.h"
#include "tests/support/process.h"

namespace percpud::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

absl::StatusOr<Flags> Parse(const std::vector<std::string>& words) {
  std::vector<const char*> argv = {"percpud-fleet"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return ParseFlags(static_cast<int>(argv.size()), argv.data());
}

// What has to be said, and these words.
absl::StatusOr<Flags> ParseWith(std::vector<std::string> words) {
  words.insert(words.end(), {"--etcd", "https://e:2379", "--host", "h", "--percpud", "unix:/p"});
  return Parse(words);
}

TEST(FlagsTest, LittleHasToBeSaid) {
  const auto flags = ParseWith({});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->fleet, "default");
  EXPECT_EQ(flags->listen_path, "/run/percpud-fleet/fleet.sock");
  EXPECT_EQ(flags->ttl, absl::Seconds(10));
  EXPECT_EQ(flags->lost_grace, absl::Seconds(60));
  EXPECT_FALSE(flags->keep_record);
}

TEST(FlagsTest, WordsThatRepeatAreCollected) {
  const auto flags = ParseWith({"--etcd", "https://f:2379", "--label", "zone=a=b", "--label",
                                "x=", "--address", "tls:a:1", "--address", "tls:b:2"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_THAT(flags->etcd, ElementsAre("https://f:2379", "https://e:2379"));
  EXPECT_THAT(flags->labels, ElementsAre(Pair("x", ""), Pair("zone", "a=b")));
  EXPECT_THAT(flags->addresses, ElementsAre("tls:a:1", "tls:b:2"));
}

// A pod's manifest says $(HOST_IP):7331.
TEST(FlagsTest, AnAddressOfIpv6HasItsBrackets) {
  const auto flags = ParseWith({"--address", "tls:fd00::1:7331", "--address", "tls:[fd00::1]:7331",
                                "--address", "tls:10.0.0.1:7331", "--address", "tls:::1:7331",
                                "--metrics-address", "fd00::2:9437"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_THAT(flags->addresses, ElementsAre("tls:[fd00::1]:7331", "tls:[fd00::1]:7331",
                                            "tls:10.0.0.1:7331", "tls:[::1]:7331"));
  EXPECT_EQ(flags->metrics_address, "[fd00::2]:9437");
}

TEST(FlagsTest, AFileHasTheSameNames) {
  const percpud::testing::TempDir dir;
  const std::string path = dir.path() + "/fleet.conf";
  ASSERT_TRUE(
      WriteAtomically(path,
                      "# a comment\netcd = [\"https://a:1\", \"https://b:2\"]\n"
                      "host = \"web1\"\nttl = \"5s\"\nlabel = [\"zone=z1\"]\nkeep-record = true\n",
                      0600)
          .ok());
  const auto flags = Parse({"--config", path, "--percpud", "unix:/p"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_THAT(flags->etcd, ElementsAre("https://a:1", "https://b:2"));
  EXPECT_EQ(flags->host, "web1");
  EXPECT_EQ(flags->ttl, absl::Seconds(5));
  EXPECT_THAT(flags->labels, ElementsAre(Pair("zone", "z1")));
}

TEST(FlagsTest, RefusalsNameTheFlag) {
  const std::vector<std::pair<std::vector<std::string>, const char*>> cases = {
      {{"--ttl", "2s"}, "ttl: \"2s\" is not a time from 3s to 1m"},
      {{"--ttl", "61s"}, "ttl"},
      {{"--lost-grace", "9s"}, "lost-grace: \"9s\" is not a time from 10s to 24h"},
      {{"--fleet", "a/b"}, "fleet"},
      {{"--listen", "127.0.0.1:1"}, "listen"},
      {{"--label", "zone"}, "label"},
      {{"--weight", "-1"}, "weight"},
      {{"--cert-file", "x"}, "key-file"},
  };
  for (const auto& [words, text] : cases) {
    const auto flags = ParseWith(words);
    EXPECT_TRUE(absl::IsInvalidArgument(flags.status())) << text;
    EXPECT_THAT(std::string(flags.status().message()), HasSubstr(text));
  }
  EXPECT_THAT(std::string(Parse({"--host", "h", "--percpud", "unix:/p"}).status().message()),
              HasSubstr("etcd"));
}

}  // namespace
}  // namespace percpud::fleet
