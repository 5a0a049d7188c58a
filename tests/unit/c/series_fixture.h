// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_C_SERIES_FIXTURE_H_
#define PERCPUD_TESTS_UNIT_C_SERIES_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/c/percpud.h"
#include "tests/support/fake_metrics_daemon.h"
#include "tests/support/process.h"

namespace percpud {

inline constexpr int kPatienceMs = 30'000;

// Clients of a daemon that a test starts when it wants to, and what they have to say.
class SeriesTest : public ::testing::Test {
 protected:
  using Client = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

  Client Open() {
    Client client(percpud_open(address_.c_str()), &percpud_close);
    percpud_on_notice(
        client.get(),
        [](void* to, percpud_notice notice, const char* text) {
          static_cast<SeriesTest*>(to)->notices_.emplace_back(notice, text);
        },
        this);
    return client;
  }
  void Start() { daemon_ = std::make_unique<testing::FakeMetricsDaemon>(address_); }

  static percpud_family_options Options(const char* name, percpud_type type) {
    percpud_family_options out{};
    out.size = sizeof(out);
    out.name = name;
    out.help = "What it is.";
    out.type = type;
    out.fold = PERCPUD_FOLD_ALL;
    return out;
  }
  // A family with the label `code`.
  static percpud_family* Family(percpud_client* p, percpud_family_options options) {
    static const char* const kLabels[] = {"code"};
    options.label_count = 1;
    options.label_names = kLabels;
    percpud_family* const family = percpud_family_open(p, &options);
    EXPECT_NE(family, nullptr);
    return family;
  }
  static percpud_series* With(percpud_family* family, const char* code) {
    const char* const values[] = {code};
    percpud_series* const series = percpud_series_open(family, values);
    EXPECT_NE(series, nullptr);
    return series;
  }
  static percpud_series* One(percpud_client* p, const percpud_family_options& options) {
    return With(Family(p, options), "200");
  }
  static percpud_family_options Histogram() {
    static const double kBounds[] = {0.5, 1.0};
    percpud_family_options out = Options("seconds", PERCPUD_HISTOGRAM);
    out.bounds = kBounds;
    out.bound_count = 2;
    return out;
  }
  // What another process sees, and what it sees at all.
  percpud_reading Shared(const percpud_family_options& options) {
    const Client other = Open();
    percpud_series* const series = One(other.get(), options);
    EXPECT_EQ(percpud_wait(other.get(), kPatienceMs), 1);
    return percpud_read_series(series);
  }

  testing::TempDir dir_;
  std::string address_ = "unix:" + dir_.path() + "/percpud.sock";
  std::unique_ptr<testing::FakeMetricsDaemon> daemon_;
  std::vector<std::pair<percpud_notice, std::string>> notices_;
};

}  // namespace percpud

#endif  // PERCPUD_TESTS_UNIT_C_SERIES_FIXTURE_H_
