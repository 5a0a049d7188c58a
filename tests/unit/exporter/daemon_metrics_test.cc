// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/daemon_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/exposition/text.h"
#include "percpu/mocks/mock_connection.h"
#include "percpu/mocks/mock_metrics_connection.h"

namespace percpud::exporter {
namespace {

using exposition::Format;
using ::testing::_;
using ::testing::HasSubstr;
using ::testing::NiceMock;
using ::testing::Not;
using ::testing::Return;

class MockServingConnection : public percpu::ServingConnection {
 public:
  MOCK_METHOD(absl::StatusOr<std::vector<percpu::WorkerInfo>>, ListWorkers, (), (override));
  MOCK_METHOD(absl::StatusOr<percpu::CallStats>, GetCallStats, (), (override));
};

class DaemonMetricsTest : public ::testing::Test {
 protected:
  DaemonMetricsTest() {
    ON_CALL(*connection_, GetStats).WillByDefault(Return(absl::UnavailableError("away")));
    ON_CALL(*connection_, GetBuddyInfo).WillByDefault(Return(absl::UnavailableError("away")));
    ON_CALL(*serving_, ListWorkers).WillByDefault(Return(absl::UnavailableError("away")));
    ON_CALL(*serving_, GetCallStats).WillByDefault(Return(absl::UnavailableError("away")));
    ON_CALL(*connection_, ListSessions).WillByDefault(Return(absl::UnavailableError("away")));
    ON_CALL(*metrics_connection_, ListFamilies)
        .WillByDefault(Return(absl::UnavailableError("away")));
  }
  std::string Write(const NamespaceSizes& sizes = {}) {
    exposition::Text text;
    exposition::Writer writer(text, Format::kOpenMetrics);
    metrics_.Write(sizes, writer);
    return std::string(text.view());
  }

  std::shared_ptr<NiceMock<percpu::mocks::MockConnection>> connection_ =
      std::make_shared<NiceMock<percpu::mocks::MockConnection>>();
  std::shared_ptr<NiceMock<percpu::mocks::MockMetricsConnection>> metrics_connection_ =
      std::make_shared<NiceMock<percpu::mocks::MockMetricsConnection>>();
  std::shared_ptr<NiceMock<MockServingConnection>> serving_ =
      std::make_shared<NiceMock<MockServingConnection>>();
  DaemonMetrics metrics_{percpu::Client(connection_), metrics_connection_, serving_};
};

TEST_F(DaemonMetricsTest, WhatIsNotAnsweredIsLeftOut) { EXPECT_EQ(Write(), ""); }

TEST_F(DaemonMetricsTest, StatsAndPagesAreShown) {
  percpu::Stats stats;
  stats.nr_cur_alloc = 12;
  stats.nr_alloc = 30;
  stats.zeroed_inline_bytes = 4096;
  EXPECT_CALL(*connection_, GetStats).WillOnce(Return(stats));
  EXPECT_CALL(*connection_, GetBuddyInfo)
      .WillOnce(Return(percpu::BuddyInfo{.free_pages = 100, .total_pages = 256}));
  const std::string text = Write();
  EXPECT_THAT(text, HasSubstr("\npercpud_areas 12\n"));
  EXPECT_THAT(text,
              HasSubstr("# TYPE percpud_area_grants counter\npercpud_area_grants_total 30\n"));
  EXPECT_THAT(text, HasSubstr("percpud_cleared_bytes_total{where=\"inline\"} 4096\n"));
  EXPECT_THAT(text, HasSubstr("percpud_pages 256\n"));
  EXPECT_THAT(text, HasSubstr("percpud_free_pages 100\n"));
}

TEST_F(DaemonMetricsTest, CallsAreShownByMethodCodeAndLatency) {
  percpu::CallStats stats;
  stats.version = "1.2.3";
  stats.uptime = absl::Milliseconds(2500);
  stats.latency_bounds = {absl::Microseconds(10), absl::Milliseconds(1)};
  stats.methods.push_back({.method = "Alloc",
                           .codes = {{0, 5}, {8, 2}},
                           .latency = {4, 2, 1},
                           .total = absl::Milliseconds(3)});
  EXPECT_CALL(*serving_, GetCallStats).WillOnce(Return(stats));
  const std::string text = Write();
  EXPECT_THAT(text, HasSubstr("percpud_build_info{version=\"1.2.3\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("percpud_uptime_seconds 2.5\n"));
  EXPECT_THAT(text, HasSubstr("percpud_calls_total{method=\"Alloc\",code=\"OK\"} 5\n"));
  EXPECT_THAT(text,
              HasSubstr("percpud_calls_total{method=\"Alloc\",code=\"RESOURCE_EXHAUSTED\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("percpud_call_duration_seconds_bucket{method=\"Alloc\",le=\"1e-05\"} 4\n"
                        "percpud_call_duration_seconds_bucket{method=\"Alloc\",le=\"0.001\"} 6\n"
                        "percpud_call_duration_seconds_bucket{method=\"Alloc\",le=\"+Inf\"} 7\n"
                        "percpud_call_duration_seconds_count{method=\"Alloc\"} 7\n"
                        "percpud_call_duration_seconds_sum{method=\"Alloc\"} 0.003\n"));
}

TEST_F(DaemonMetricsTest, SessionsAreCounted) {
  std::vector<percpu::SessionInfo> sessions(3);
  sessions[0].kind = sessions[1].kind = percpu::SessionKind::kLocalReadWrite;
  sessions[0].leases = 2;
  sessions[2].kind = percpu::SessionKind::kRemote;
  EXPECT_CALL(*connection_, ListSessions).WillOnce(Return(sessions));
  const std::string text = Write();
  EXPECT_THAT(text, HasSubstr("percpud_sessions{kind=\"read-write\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("percpud_sessions{kind=\"remote\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("percpud_held_leases 2\n"));
}

TEST_F(DaemonMetricsTest, WorkersAreFoundByNamespaceAndNotAskedForAgain) {
  std::vector<percpu::WorkerInfo> workers{{.pid = 41, .namespaces = {"shop"}},
                                          {.pid = 42, .namespaces = {"shop", "bank"}},
                                          {.pid = {}, .namespaces = {"shop"}},
                                          {.pid = 0, .namespaces = {"shop"}}};
  EXPECT_CALL(*serving_, ListWorkers).WillOnce(Return(workers));
  const Workers expected{{"bank", {42}}, {"shop", {41, 42}}};
  EXPECT_EQ(metrics_.FindWorkers(), expected);
  EXPECT_EQ(metrics_.FindWorkers(), expected);
}

TEST_F(DaemonMetricsTest, NamespacesAreShownWithWhatTheyWereRefused) {
  std::vector<percpu::FamilyInfo> families(2);
  families[0].name_space = families[1].name_space = "shop";
  families[0].refused = 3;
  families[1].refused = 1;
  families[1].overflowed = 7;
  EXPECT_CALL(*metrics_connection_, ListFamilies(_)).WillOnce(Return(families));
  const NamespaceSizes sizes{{"shop", {.families = 2, .series = 40}}};
  for (int scrape = 0; scrape < 2; ++scrape) {
    const std::string text = Write(sizes);
    EXPECT_THAT(text, HasSubstr("percpud_families{percpud_namespace=\"shop\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("percpud_series{percpud_namespace=\"shop\"} 40\n"));
    EXPECT_THAT(text, HasSubstr("percpud_refused_openings_total{percpud_namespace=\"shop\"} 4\n"));
    EXPECT_THAT(text,
                HasSubstr("percpud_overflowed_openings_total{percpud_namespace=\"shop\"} 7\n"));
  }
}

}  // namespace
}  // namespace percpud::exporter
