// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How the exporter follows a daemon: pages are made in this process, from a real daemon's
// arena.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/c/percpud.h"
#include "client/exporter/scrape.h"
#include "tests/support/process.h"

namespace percpud::exporter {
namespace {

using percpud::testing::RunningDaemon;
using percpud::testing::StartDaemon;
using percpud::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kPatienceMs = 30'000;

class FollowTest : public ::testing::Test {
 protected:
  using Client = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

  void SetUp() override { Start(); }
  void Start() {
    auto started = StartDaemon(
        dir_, {"--arena", "file:" + dir_.path() + "/arena", "--catalog", dir_.path() + "/catalog"});
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = std::make_unique<RunningDaemon>(*std::move(started));
    address_ = daemon_->address;
  }
  void KillDaemon() {
    daemon_->process.Kill(SIGKILL);
    ASSERT_TRUE(daemon_->process.Wait(absl::Seconds(30)).ok());
  }
  [[nodiscard]] Client Open(const char* name_space = "shop") const {
    percpud_options options{};
    options.size = sizeof(options);
    options.address = address_.c_str();
    options.name_space = name_space;
    return {percpud_open_as(&options), &percpud_close};
  }
  static percpud_family* Family(percpud_client* client, const char* name) {
    static const char* const kLabels[] = {"path"};
    percpud_family_options options{};
    options.size = sizeof(options);
    options.name = name;
    options.type = PERCPUD_COUNTER;
    options.label_names = kLabels;
    options.label_count = 1;
    return percpud_family_open(client, &options);
  }
  static percpud_series* Series(percpud_family* family, int number) {
    const std::string path = absl::StrCat("/", number);
    const char* const values[] = {path.c_str()};
    return percpud_series_open(family, values);
  }
  static std::string Line(const char* name, int number, int value) {
    return absl::StrCat("\n", name, "_total{path=\"/", number, "\"} ", value, "\n");
  }
  std::string Page(const std::string& path = "/metrics/shop") {
    const exporter::Page page =
        scrape_->Answer({.path = path, .accept = "text/plain", .accept_encoding = ""});
    return "\n" + std::string(page.body.view());
  }
  // How often the daemon was asked a method, as it says itself.
  std::uint64_t CountCalls(const std::string& method) {
    const std::string page = Page("/metrics");
    const std::string line =
        absl::StrCat("\npercpud_calls_total{method=\"", method, "\",code=\"OK\"} ");
    const std::size_t at = page.find(line);
    if (at == std::string::npos) return 0;
    const std::size_t begin = at + line.size();
    std::uint64_t out = 0;
    EXPECT_TRUE(absl::SimpleAtoi(page.substr(begin, page.find('\n', begin) - begin), &out));
    return out;
  }

  TempDir dir_;
  std::string address_ = "unix:" + dir_.path() + "/percpud.sock";
  std::unique_ptr<RunningDaemon> daemon_;
  std::unique_ptr<Scrape> scrape_ =
      std::make_unique<Scrape>(ScrapeOptions{.address = "unix:" + dir_.path() + "/percpud.sock"});
};

TEST_F(FollowTest, WhereNothingChangesTheDaemonIsNotAsked) {
  const Client client = Open();
  percpud_add(Series(Family(client.get(), "hits"), 1), 1);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  EXPECT_THAT(Page(), HasSubstr(Line("hits", 1, 1)));
  const std::uint64_t watched = CountCalls("WatchSeries");
  const std::uint64_t read = CountCalls("ReadSeries");
  EXPECT_GT(read, 0U);
  percpud_add(Series(Family(client.get(), "hits"), 1), 1);
  for (int i = 0; i < 10; ++i) EXPECT_THAT(Page(), HasSubstr(Line("hits", 1, 2)));
  EXPECT_EQ(CountCalls("WatchSeries"), watched);
  EXPECT_EQ(CountCalls("ReadSeries"), read);
}

TEST_F(FollowTest, OnlyWhatHasChangedIsReadAnew) {
  const Client client = Open();
  percpud_family* const family = Family(client.get(), "hits");
  constexpr int kMany = 3000;
  for (int i = 0; i < kMany; ++i) percpud_add(Series(family, i), i + 1);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  const std::string all = Page();
  for (const int i : {0, 1023, 1024, 2047, 2999})
    EXPECT_THAT(all, HasSubstr(Line("hits", i, i + 1)));
  const std::uint64_t read = CountCalls("ReadSeries");
  percpud_add(Series(family, kMany), 7);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  EXPECT_THAT(Page(), HasSubstr(Line("hits", kMany, 7)));
  const std::uint64_t again = CountCalls("ReadSeries");
  EXPECT_GT(again, read);
  // All of them are some ten pages.
  EXPECT_LT(again - read, 8U);
  const std::string last = Page();
  for (const int i : {0, 1023, 1024, 2999}) EXPECT_THAT(last, HasSubstr(Line("hits", i, i + 1)));
}

TEST_F(FollowTest, WhatIsRemovedGoesAndItsMemoryIsNeverShownAsItsOwn) {
  const Client keeper = Open("keeper");
  percpud_add(Series(Family(keeper.get(), "kept"), 1), 1);
  ASSERT_EQ(percpud_wait(keeper.get(), kPatienceMs), 1);
  for (int round = 0; round < 5; ++round) {
    const Client client = Open();
    percpud_family* const family = Family(client.get(), absl::StrCat("hits_", round).c_str());
    for (int i = 0; i < 40; ++i) percpud_add(Series(family, i), 1000);
    ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
    EXPECT_THAT(Page(), HasSubstr(Line(absl::StrCat("hits_", round).c_str(), 39, 1000)));
    ASSERT_EQ(percpud_remove_all(family, kPatienceMs), 40);
    EXPECT_THAT(Page(), Not(HasSubstr(absl::StrCat("hits_", round, "_total{"))));
  }
  EXPECT_THAT(Page("/metrics/keeper"), HasSubstr(Line("kept", 1, 1)));
}

TEST_F(FollowTest, GoesOnWithTheNextDaemon) {
  const Client client = Open();
  percpud_family* const family = Family(client.get(), "hits");
  percpud_series* const first = Series(family, 1);
  percpud_add(first, 1);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  EXPECT_THAT(Page(), HasSubstr(Line("hits", 1, 1)));
  KillDaemon();
  percpud_add(first, 1);
  const std::string away = Page();
  EXPECT_THAT(away, HasSubstr(Line("hits", 1, 2)));
  EXPECT_THAT(away, HasSubstr("\npercpud_up 0\n"));
  Start();
  percpud_add(Series(family, 2), 5);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  std::string back = Page();
  // A busy host may not answer within a page's patience.
  for (int tries = 0; tries < 100 && back.find(Line("hits", 2, 5)) == std::string::npos; ++tries) {
    back = Page();
  }
  EXPECT_THAT(back, HasSubstr(Line("hits", 1, 2)));
  EXPECT_THAT(back, HasSubstr(Line("hits", 2, 5)));
}

TEST_F(FollowTest, TheDaemonAndTheProcessesOfANamespaceAreShown) {
  const Client client = Open();
  percpud_add(Series(Family(client.get(), "hits"), 1), 1);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  const std::string page = Page("/metrics");
  EXPECT_THAT(page, HasSubstr("\npercpud_build_info{version=\""));
  EXPECT_THAT(page, HasSubstr("\npercpud_series{percpud_namespace=\"shop\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("\npercpud_sessions{kind=\"read-only\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("\npercpud_call_duration_seconds_bucket{method=\"OpenSeries\",le="));
  EXPECT_THAT(page, HasSubstr(absl::StrCat("\nprocess_cpu_seconds_total{percpud_namespace=\"shop\","
                                           "pid=\"",
                                           getpid(), "\"} ")));
  EXPECT_THAT(Page(),
              HasSubstr(absl::StrCat("\nprocess_resident_memory_bytes{pid=\"", getpid(), "\"} ")));
}

}  // namespace
}  // namespace percpud::exporter
