// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a namespace shows, read by a process that may have counted nothing of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "client/c/percpud.h"
#include "tests/support/fake_metrics_daemon.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using percpud::testing::FakeMetricsDaemon;
using percpud::testing::RunToEnd;
using percpud::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kPatienceMs = 30'000;

class RenderTest : public ::testing::Test {
 protected:
  using Client = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

  Client Open(const char* name_space = nullptr, const char* writer = nullptr) {
    percpud_options options{};
    options.size = sizeof(options);
    options.address = address_.c_str();
    options.name_space = name_space;
    options.writer = writer;
    return {percpud_open_as(&options), &percpud_close};
  }
  static percpud_series* Series(const Client& client, percpud_family_options options,
                                const char* value) {
    static const char* const kLabels[] = {"path"};
    options.size = sizeof(options);
    options.label_count = 1;
    options.label_names = kLabels;
    percpud_family* const family = percpud_family_open(client.get(), &options);
    const char* const values[] = {value};
    percpud_series* const series = percpud_series_open(family, values);
    EXPECT_NE(series, nullptr);
    return series;
  }
  static percpud_family_options Gauge(const char* name, percpud_fold fold) {
    percpud_family_options out{};
    out.name = name;
    out.type = PERCPUD_GAUGE;
    out.fold = fold;
    return out;
  }
  static percpud_family_options Counter(const char* name) {
    percpud_family_options out{};
    out.name = name;
    out.help = "Counts.\nReally.";
    out.type = PERCPUD_COUNTER;
    return out;
  }
  static std::string Render(const Client& client, percpud_format format = PERCPUD_OPENMETRICS) {
    std::size_t size = 0;
    char* const text = percpud_render(client.get(), format, kPatienceMs, &size);
    if (text == nullptr) return "(null)";
    const std::string out(text, size);
    percpud_free(text);
    return out;
  }
  // Held against the strictest parser there is.
  void ExpectValid(const std::string& text) {
    const std::string file = dir_.path() + "/exposition";
    std::ofstream(file, std::ios::binary) << text;
    const auto ran = RunToEnd(
        {"/usr/bin/python3", std::getenv("PERCPUD_PARSE_EXPOSITION"), "openmetrics", file});
    ASSERT_TRUE(ran.ok()) << ran.status();
    EXPECT_TRUE(ran->exit_code == 0 || ran->exit_code == 77) << ran->err << text;
  }

  TempDir dir_;
  std::string address_ = "unix:" + dir_.path() + "/percpud.sock";
  FakeMetricsDaemon daemon_{address_};
};

TEST_F(RenderTest, AllTypesOfOneNamespace) {
  const Client client = Open("shop");
  static const double kBounds[] = {0.5, 1000000};
  percpud_family_options seconds{};
  seconds.name = "request_seconds";
  seconds.unit = "seconds";
  seconds.type = PERCPUD_HISTOGRAM;
  seconds.bounds = kBounds;
  seconds.bound_count = 2;
  percpud_family_options bytes{};
  bytes.name = "bytes";
  bytes.type = PERCPUD_SUMMARY;
  percpud_family_options integers = Counter("requests_total");
  integers.flags = PERCPUD_INTEGER;

  percpud_add(Series(client, Counter("hits"), "/\"a\""), 1.5);
  percpud_counter_add(percpud_series_counter(Series(client, integers, "")), 1);
  percpud_series* const histogram = Series(client, seconds, "/");
  for (const double value : {0.25, 0.5, 2.0, 1e9}) percpud_observe(histogram, value);
  percpud_observe(Series(client, bytes, "/"), 100);
  percpud_set(Series(client, Gauge("limit", PERCPUD_FOLD_SHARED), "/"), -2.5);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);

  const Client viewer = Open("shop");
  const std::string text = Render(viewer);
  EXPECT_EQ(text,
            "# HELP hits Counts.\\nReally.\n"
            "# TYPE hits counter\n"
            "hits_total{path=\"/\\\"a\\\"\"} 1.5\n"
            "# HELP requests Counts.\\nReally.\n"
            "# TYPE requests counter\n"
            "requests_total{path=\"\"} 1\n"
            "# TYPE request_seconds histogram\n"
            "# UNIT request_seconds seconds\n"
            "request_seconds_bucket{path=\"/\",le=\"0.5\"} 2\n"
            "request_seconds_bucket{path=\"/\",le=\"1e+06\"} 3\n"
            "request_seconds_bucket{path=\"/\",le=\"+Inf\"} 4\n"
            "request_seconds_count{path=\"/\"} 4\n"
            "request_seconds_sum{path=\"/\"} 1.00000000275e+09\n"
            "# TYPE bytes summary\n"
            "bytes_count{path=\"/\"} 1\n"
            "bytes_sum{path=\"/\"} 100\n"
            "# TYPE limit gauge\n"
            "limit{path=\"/\"} -2.5\n"
            "# EOF\n");
  ExpectValid(text);
  EXPECT_THAT(Render(viewer, PERCPUD_TEXT), Not(HasSubstr("# EOF")));
  EXPECT_EQ(Render(Open("elsewhere")), "# EOF\n");
}

TEST_F(RenderTest, GaugesOfManyProcesses) {
  const Client one = Open(nullptr, "one");
  const Client two = Open(nullptr, "two");
  const struct {
    const char* name;
    percpud_fold fold;
  } kFolds[] = {{"g_all", PERCPUD_FOLD_ALL},
                {"g_min", PERCPUD_FOLD_MIN},
                {"g_max", PERCPUD_FOLD_MAX},
                {"g_sum", PERCPUD_FOLD_SUM},
                {"g_recent", PERCPUD_FOLD_MOST_RECENT}};
  for (const auto& [name, fold] : kFolds) percpud_set(Series(one, Gauge(name, fold), "/"), 5);
  for (const auto& [name, fold] : kFolds) percpud_set(Series(two, Gauge(name, fold), "/"), 3);
  // Opened and never set: shown nowhere.
  Series(two, Gauge("g_unset", PERCPUD_FOLD_MIN), "/");
  ASSERT_EQ(percpud_wait(one.get(), kPatienceMs), 1);
  ASSERT_EQ(percpud_wait(two.get(), kPatienceMs), 1);
  const std::string text = Render(one);
  EXPECT_THAT(text, HasSubstr("g_all{path=\"/\",pid=\"one\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("g_all{path=\"/\",pid=\"two\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("g_min{path=\"/\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("g_max{path=\"/\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("g_sum{path=\"/\"} 8\n"));
  EXPECT_THAT(text, HasSubstr("g_recent{path=\"/\"} 3\n"));
  EXPECT_THAT(text, Not(HasSubstr("g_unset{")));
  ExpectValid(text);
}

TEST_F(RenderTest, WhatADeadProcessLeaves) {
  const Client client = Open();
  percpud_family_options live = Gauge("g_live", PERCPUD_FOLD_SUM);
  live.flags = PERCPUD_LIVE_ONLY;
  percpud_set(Series(client, Gauge("g_sum", PERCPUD_FOLD_SUM), "/"), 1);
  percpud_set(Series(client, live, "/"), 1);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    percpud_set(Series(client, Gauge("g_sum", PERCPUD_FOLD_SUM), "/"), 10);
    percpud_set(Series(client, live, "/"), 10);
    percpud_wait(client.get(), kPatienceMs);
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  while (daemon_.connections() > 1) std::this_thread::yield();
  const std::string text = Render(client);
  EXPECT_THAT(text, HasSubstr("g_sum{path=\"/\"} 11\n"));
  EXPECT_THAT(text, HasSubstr("g_live{path=\"/\"} 1\n"));
}

TEST_F(RenderTest, ThousandsOfSeriesComeInPages) {
  constexpr int kSeries = 3000;
  const Client client = Open();
  for (int i = 0; i < kSeries; ++i) {
    percpud_add(Series(client, Counter("hits"), std::to_string(i).c_str()), i);
  }
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  const std::string text = Render(client);
  for (const int i : {0, 1, 1500, 2999}) {
    EXPECT_THAT(text, HasSubstr("hits_total{path=\"" + std::to_string(i) + "\"} " +
                                std::to_string(i) + "\n"));
  }
  ExpectValid(text);
}

TEST_F(RenderTest, AResetIsSubtracted) {
  const Client client = Open();
  percpud_series* const hits = Series(client, Counter("hits"), "/");
  percpud_family_options bytes{};
  bytes.name = "bytes";
  bytes.type = PERCPUD_SUMMARY;
  percpud_series* const summary = Series(client, bytes, "/");
  percpud_add(hits, 5);
  percpud_observe(summary, 4);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  EXPECT_THAT(Render(client), HasSubstr("hits_total{path=\"/\"} 5\n"));
  daemon_.Reset("", "hits");
  daemon_.Reset("", "bytes");
  percpud_add(hits, 2);
  percpud_observe(summary, 0.5);
  EXPECT_THAT(Render(client), HasSubstr("hits_total{path=\"/\"} 2\n"));
  EXPECT_THAT(Render(client), HasSubstr("bytes_count{path=\"/\"} 1\nbytes_sum{path=\"/\"} 0.5\n"));
}

TEST_F(RenderTest, WithoutADaemonThereIsNothingToShow) {
  const Client client = Open();
  EXPECT_EQ(Render(client), "# EOF\n");
  daemon_.Stop();
  EXPECT_EQ(percpud_render(client.get(), PERCPUD_TEXT, 100, nullptr), nullptr);
  daemon_.Start();
  EXPECT_EQ(Render(client), "# EOF\n");
}

}  // namespace
}  // namespace percpud
