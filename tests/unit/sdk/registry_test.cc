// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The registry of metrics, with percpud itself and without it.

#include "percpu/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/process.h"

namespace percpu {
namespace {

using percpud::testing::BinaryPath;
using percpud::testing::RunningDaemon;
using percpud::testing::RunToEnd;
using percpud::testing::StartDaemon;
using percpud::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::chrono::seconds kPatience{30};

class RegistryTest : public ::testing::Test {
 protected:
  void Start() {
    auto started = StartDaemon(dir_, {});
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = std::make_unique<RunningDaemon>(*std::move(started));
  }
  Registry Open() {
    return Registry(
        {.address = "unix:" + dir_.path() + "/percpud.sock",
         .open_wait = kPatience,
         .notice = [this](percpud_notice, std::string_view text) { notices_.emplace_back(text); }});
  }

  TempDir dir_;
  std::unique_ptr<RunningDaemon> daemon_;
  std::vector<std::string> notices_;
};

TEST_F(RegistryTest, EveryTypeIsSharedAndRendered) {
  Start();
  Registry registry = Open();
  const auto requests = registry.Counter("requests", {.help = "Answered.", .labels = {"code"}});
  const auto bytes = registry.IntegerCounter("bytes");
  const auto limit = registry.Gauge("limit", PERCPUD_FOLD_SHARED);
  const auto seconds = registry.Histogram("seconds", {0.5, 1}, {.unit = "seconds"});
  const auto sizes = registry.Summary("sizes");
  requests.With({"200"}).Add(1.5);
  requests.With({"200"}).Increment();
  bytes.With().Add(7);
  limit.With().Set(3);
  limit.With().Decrement();
  for (const double value : {0.25, 0.75, 8.0}) seconds.With().Observe(value);
  sizes.With().Observe(4);
  EXPECT_TRUE(registry.Wait(kPatience));

  Registry other = Open();
  const std::optional<std::string> text = other.Render(PERCPUD_OPENMETRICS, kPatience);
  ASSERT_TRUE(text.has_value()) << other.Reason();
  EXPECT_THAT(*text, HasSubstr("# HELP requests Answered.\n"));
  EXPECT_THAT(*text, HasSubstr("requests_total{code=\"200\"} 2.5\n"));
  EXPECT_THAT(*text, HasSubstr("bytes_total 7\n"));
  EXPECT_THAT(*text, HasSubstr("limit 2\n"));
  EXPECT_THAT(*text, HasSubstr("seconds_bucket{le=\"1.0\"} 2\n"));
  EXPECT_THAT(*text, HasSubstr("seconds_sum 9\n"));
  EXPECT_THAT(*text, HasSubstr("sizes_count 1\n"));
  EXPECT_EQ(requests.With({"200"}).Sum(), 2.5);
  EXPECT_EQ(bytes.With().Sum(), 7U);
  EXPECT_EQ(seconds.With().Count(), 3U);
  EXPECT_EQ(limit.With().Get(), 2);
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(RegistryTest, SeriesAreRemovedAndReset) {
  Start();
  Registry registry = Open();
  const auto requests = registry.Counter("requests", {.labels = {"code"}});
  for (const char* const code : {"200", "404", "500"}) requests.With({code}).Increment();
  EXPECT_EQ(requests.Remove({"404"}), 1);
  EXPECT_EQ(requests.Reset({"500"}), 1);
  const std::optional<std::string> text = registry.Render(PERCPUD_TEXT, kPatience);
  ASSERT_TRUE(text.has_value()) << registry.Reason();
  EXPECT_THAT(*text, HasSubstr("requests_total{code=\"200\"} 1\n"));
  EXPECT_THAT(*text, Not(HasSubstr("404")));
  EXPECT_THAT(*text, HasSubstr("requests_total{code=\"500\"} 0\n"));
  EXPECT_EQ(requests.RemoveAll(), 2);
}

TEST_F(RegistryTest, WithoutADaemonItCountsHereAndSaysWhy) {
  Registry registry = Open();
  const auto requests = registry.Counter("requests", {.labels = {"code"}});
  Counter ok = requests.With({"200"});
  ok.Increment();
  EXPECT_EQ(ok.Sum(), 1);
  EXPECT_FALSE(registry.Poll());
  EXPECT_THAT(notices_, ElementsAre(HasSubstr("start percpud")));
  EXPECT_EQ(registry.Render(PERCPUD_TEXT, kPatience), std::nullopt);
  EXPECT_THAT(registry.Reason(), HasSubstr("No such file"));
  EXPECT_EQ(requests.Remove({"200"}), std::nullopt);
  // A registry that is moved keeps what it handed out.
  ok.Increment();
  const Registry moved = std::move(registry);
  ok.Increment();
  EXPECT_EQ(ok.Sum(), 2);
}

TEST_F(RegistryTest, WhatCannotBeIsEmptyAndDoesNothing) {
  Registry registry = Open();
  EXPECT_FALSE(registry.Histogram("seconds", {2, 1}));
  EXPECT_FALSE(registry.Counter(""));
  const auto requests = registry.Counter("requests", {.labels = {"code"}});
  EXPECT_TRUE(requests);
  const Counter missing = requests.With();
  EXPECT_FALSE(missing);
  missing.Increment();
  EXPECT_EQ(missing.Sum(), 0);
  EXPECT_EQ(requests.Remove({}), std::nullopt);
  Gauge().Set(1);
  Histogram().Observe(1);
  IntegerCounter().Increment();
}

TEST_F(RegistryTest, TheExampleCountsInItsWorkers) {
  Start();
  const auto ran =
      RunToEnd({BinaryPath("prefork_metrics")}, {"PERCPUD_ADDRESS=" + daemon_->address});
  ASSERT_TRUE(ran.ok()) << ran.status();
  EXPECT_EQ(ran->exit_code, 0) << ran->err;
  EXPECT_THAT(ran->out, HasSubstr("example_requests_total{code=\"200\"} 4000\n"));
  EXPECT_THAT(ran->out, HasSubstr("example_seconds_bucket{le=\"0.5\"} 2000\n"));
  EXPECT_THAT(ran->out, HasSubstr("example_seconds_sum 4500\n"));
}

}  // namespace
}  // namespace percpu
