// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<CommandLine> Parse(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "percpud");
  return ParseCommandLine(static_cast<int>(flags.size()), flags.data());
}

TEST(FlagsTest, EveryFlagReachesItsField) {
  const auto line = Parse({"--listen",
                           "unix:/a",
                           "--listen",
                           "h:1",
                           "--socket-mode=0600",
                           "--arena-size=1GiB",
                           "--page-size=2MiB",
                           "--backend=km",
                           "--km-return-tail",
                           "--transparent-huge-pages",
                           "--first-chunk=embed",
                           "--unit-size=128KiB",
                           "--static-size=4KiB",
                           "--reserved-size=8KiB",
                           "--atom-size=4MiB",
                           "--cpus-count=6",
                           "--cpus-select=0-3",
                           "--access-remote=viewer",
                           "--gateway=unix:/g",
                           "--tls-cert-file=/c",
                           "--tls-key-file=/k",
                           "--tls-trusted-ca-file=/a",
                           "--tls-client-cert-auth=false",
                           "--tls-crl-dir=/r",
                           "--tls-check-interval=1s",
                           "--tls-handshakes-per-second=9",
                           "--log-level=debug",
                           "--balancer-empty-pages-low=1",
                           "--balancer-empty-pages-high=9",
                           "--balancer-free-chunks-min=2",
                           "--balancer-free-chunks-max-percent=20",
                           "--balancer-free-chunk-age=5s",
                           "--limits-batch=7",
                           "--limits-transfer=1KiB",
                           "--limits-message=1MiB",
                           "--limits-watchers=5",
                           "--check-config"});
  ASSERT_TRUE(line.ok()) << line.status();
  ASSERT_FALSE(line->exit_code);
  EXPECT_TRUE(line->check_only);
  const config::v1::Config& config = line->config;
  EXPECT_THAT(config.listen(), ElementsAre("unix:/a", "h:1"));
  EXPECT_EQ(config.socket_mode(), "0600");
  EXPECT_EQ(config.gateway(), "unix:/g");
  EXPECT_EQ(config.tls().cert_file(), "/c");
  EXPECT_EQ(config.tls().key_file(), "/k");
  EXPECT_EQ(config.tls().trusted_ca_file(), "/a");
  EXPECT_TRUE(config.tls().has_client_cert_auth());
  EXPECT_FALSE(config.tls().client_cert_auth());
  EXPECT_EQ(config.tls().crl_dir(), "/r");
  EXPECT_EQ(config.tls().check_interval(), "1s");
  EXPECT_EQ(config.tls().handshakes_per_second(), 9U);
  EXPECT_EQ(config.arena_size(), "1GiB");
  EXPECT_EQ(config.page_size(), "2MiB");
  EXPECT_EQ(config.backend(), "km");
  EXPECT_TRUE(config.km().return_tail());
  EXPECT_TRUE(config.transparent_huge_pages());
  EXPECT_EQ(config.first_chunk(), "embed");
  EXPECT_EQ(config.unit_size(), "128KiB");
  EXPECT_EQ(config.static_size(), "4KiB");
  EXPECT_EQ(config.reserved_size(), "8KiB");
  EXPECT_EQ(config.atom_size(), "4MiB");
  EXPECT_EQ(config.cpus().count(), 6U);
  EXPECT_EQ(config.cpus().select(), "0-3");
  EXPECT_EQ(config.access().remote(), "viewer");
  EXPECT_EQ(config.log_level(), "debug");
  EXPECT_EQ(config.balancer().empty_pages_low(), 1U);
  EXPECT_EQ(config.balancer().empty_pages_high(), 9U);
  EXPECT_EQ(config.balancer().free_chunks_min(), 2U);
  EXPECT_EQ(config.balancer().free_chunks_max_percent(), 20U);
  EXPECT_EQ(config.balancer().free_chunk_age(), "5s");
  EXPECT_EQ(config.limits().batch(), 7U);
  EXPECT_EQ(config.limits().transfer(), "1KiB");
  EXPECT_EQ(config.limits().message(), "1MiB");
  EXPECT_EQ(config.limits().watchers(), 5U);
}

TEST(FlagsTest, TheNamesOfBeforeStillReachTheirFields) {
  const auto line = Parse({"--cpus=6", "--cpu-select=0-3", "--remote=viewer", "--empty-pages-low=1",
                           "--empty-pages-high=9", "--free-chunks-min=2",
                           "--free-chunks-max-percent=20", "--free-chunk-age=5s"});
  ASSERT_TRUE(line.ok()) << line.status();
  ASSERT_FALSE(line->exit_code);
  const config::v1::Config& config = line->config;
  EXPECT_EQ(config.cpus().count(), 6U);
  EXPECT_EQ(config.cpus().select(), "0-3");
  EXPECT_EQ(config.access().remote(), "viewer");
  EXPECT_EQ(config.balancer().empty_pages_low(), 1U);
  EXPECT_EQ(config.balancer().empty_pages_high(), 9U);
  EXPECT_EQ(config.balancer().free_chunks_min(), 2U);
  EXPECT_EQ(config.balancer().free_chunks_max_percent(), 20U);
  EXPECT_EQ(config.balancer().free_chunk_age(), "5s");
}

TEST(FlagsTest, HelpShowsTheFieldsNamesOnly) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(Parse({"--help"})->exit_code, 0);
  const std::string help = ::testing::internal::GetCapturedStdout();
  for (const char* name : {"--cpus-count", "--cpus-synthetic", "--cpus-xml-file", "--cpus-select",
                           "--access-remote", "--balancer-free-chunk-age"}) {
    EXPECT_THAT(help, HasSubstr(name));
  }
  for (const char* name :
       {"--cpus ", "--topology", "--cpu-select", "--remote", "--free-chunk-age"}) {
    EXPECT_THAT(help, Not(HasSubstr(absl::StrCat(" ", name)))) << name;
  }
}

TEST(FlagsTest, TopologiesComeFromOneSource) {
  EXPECT_EQ(Parse({"--cpus-synthetic", "numa:1 core:2 pu:1"})->config.cpus().synthetic(),
            "numa:1 core:2 pu:1");
  EXPECT_EQ(Parse({"--cpus-xml-file", "/x"})->config.cpus().xml_file(), "/x");
  EXPECT_EQ(Parse({"--cpus-xml-file", "/x", "--cpus", "3"})->exit_code, 2);
  EXPECT_EQ(Parse({"--topology", "numa:1 core:2 pu:1"})->config.cpus().synthetic(),
            "numa:1 core:2 pu:1");
  EXPECT_EQ(Parse({"--topology-xml", "/x"})->config.cpus().xml_file(), "/x");
  EXPECT_EQ(Parse({"--topology-xml", "/x", "--cpus", "3"})->exit_code, 2);
}

TEST(FlagsTest, UsageErrorsEndWithTwo) {
  EXPECT_EQ(Parse({"--no-such-flag"})->exit_code, 2);
  EXPECT_EQ(Parse({"--cpus", "many"})->exit_code, 2);
  EXPECT_EQ(Parse({"--cpus", "-1"})->exit_code, 2);
  EXPECT_EQ(Parse({"--empty-pages-low", "4294967296"})->exit_code, 2);
  EXPECT_EQ(Parse({"--arena-size"})->exit_code, 2);
  EXPECT_EQ(Parse({"stray"})->exit_code, 2);
}

TEST(FlagsTest, HelpAndVersionEndWellAndAtOnce) {
  EXPECT_EQ(Parse({"--help"})->exit_code, 0);
  EXPECT_EQ(Parse({"--version"})->exit_code, 0);
}

TEST(FlagsTest, FlagsOverrideTheFileFieldByField) {
  const testing::TempDir dir;
  const std::string path = dir.path() + "/config";
  std::ofstream(path) << R"(
      listen: "unix:/file" unit_size: "64KiB" arena_size: "1GiB"
      cpus { synthetic: "numa:1 core:2 pu:1" select: "online" }
      balancer { empty_pages_low: 1 empty_pages_high: 3 })";
  const auto line = Parse({"--config", path.c_str(), "--listen", "unix:/flag", "--unit-size",
                           "128KiB", "--cpus", "8", "--empty-pages-low", "0"});
  ASSERT_TRUE(line.ok()) << line.status();
  const config::v1::Config& config = line->config;
  EXPECT_THAT(config.listen(), ElementsAre("unix:/flag"));
  EXPECT_EQ(config.unit_size(), "128KiB");
  EXPECT_EQ(config.arena_size(), "1GiB");
  EXPECT_EQ(config.cpus().source_case(), config::v1::Cpus::kCount);
  EXPECT_EQ(config.cpus().select(), "online");
  EXPECT_EQ(config.balancer().empty_pages_low(), 0U);
  EXPECT_TRUE(config.balancer().has_empty_pages_low());
  EXPECT_EQ(config.balancer().empty_pages_high(), 3U);
}

TEST(FlagsTest, ABadFileIsAnError) {
  EXPECT_EQ(Parse({"--config", "/no/such/file"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace percpud
