// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/reload.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

config::v1::Config Read(const std::string& text) {
  config::v1::Config config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config));
  return config;
}

ConfigDifference Between(const std::string& running, const std::string& wanted) {
  return Compare(Read(running), Read(wanted));
}

TEST(ReloadTest, NothingDiffersFromItself) {
  const std::string text = R"(listen: "unix:/a" cpus { count: 3 } quotas { sessions: 5 })";
  const ConfigDifference difference = Between(text, text);
  EXPECT_THAT(difference.reloadable, IsEmpty());
  EXPECT_THAT(difference.fixed, IsEmpty());
}

TEST(ReloadTest, WhatMayChangeIsToldFromWhatMayNot) {
  const ConfigDifference difference =
      Between(R"(arena_size: "1GiB" log_level: "info" limits { batch: 5 } resume_window: "5s")",
              R"(arena_size: "2GiB" log_level: "debug" limits { batch: 6 }
                 quotas { per_session { areas: 0 } } access { clients: "*" }
                 export { variables: "hits" })");
  EXPECT_THAT(difference.reloadable,
              ElementsAre("log_level", "access.clients", "quotas.per_session.areas",
                          "resume_window", "export.variables"));
  EXPECT_THAT(difference.fixed, ElementsAre("arena_size", "limits.batch"));
}

TEST(ReloadTest, EntriesAreCountedAndOrdered) {
  EXPECT_THAT(Between(R"(listen: "unix:/a")", R"(listen: "unix:/a" listen: "unix:/b")").fixed,
              ElementsAre("listen"));
  EXPECT_THAT(
      Between(R"(static_variables { name: "a" type: "counter" } static_variables { name: "b" })",
              R"(static_variables { name: "b" } static_variables { name: "a" type: "counter" })")
          .fixed,
      ElementsAre("static_variables"));
}

// 0 turns the reserve off, and is not the same as saying nothing.
TEST(ReloadTest, AZeroThatIsWrittenIsADifference) {
  EXPECT_THAT(Between("", "balancer { empty_pages_low: 0 }").fixed,
              ElementsAre("balancer.empty_pages_low"));
  EXPECT_THAT(Between("cpus { count: 2 }", "cpus { host: true }").fixed,
              ElementsAre("cpus.count", "cpus.host"));
}

}  // namespace
}  // namespace percpud
