// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Reading the series of all namespaces, whose families lie between each other's.

#include "client/c/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/c/percpud.h"
#include "tests/support/fake_metrics_daemon.h"
#include "tests/support/process.h"

namespace percpud::c {
namespace {

using ::testing::ElementsAre;

constexpr int kPatienceMs = 30'000;

class ReaderTest : public ::testing::Test {
 protected:
  using Client = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

  Client Open(const char* name_space) const {
    percpud_options options{};
    options.size = sizeof(options);
    options.address = address_.c_str();
    options.name_space = name_space;
    return {percpud_open_as(&options), &percpud_close};
  }
  static void Count(const Client& client, const char* name, const char* value) {
    static const char* const kLabels[] = {"path"};
    percpud_family_options options{};
    options.size = sizeof(options);
    options.name = name;
    options.type = PERCPUD_COUNTER;
    options.label_count = 1;
    options.label_names = kLabels;
    const char* const values[] = {value};
    percpud_series_open(percpud_family_open(client.get(), &options), values);
    ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  }
  [[nodiscard]] std::int64_t Deadline() const {
    return LaneLink::NowNs() + std::int64_t{kPatienceMs} * 1'000'000;
  }
  // "namespace/family: labels ..." in the order of the snapshot.
  static std::vector<std::string> Rows(const Snapshot& snapshot) {
    std::vector<std::string> out;
    for (const FamilyRow& family : snapshot.families.all()) {
      std::string row(snapshot.text(family.name_space));
      row.append("/").append(snapshot.text(family.name)).append(":");
      for (std::size_t i = 0; i < family.series.count; ++i) {
        row.append(" ").append(snapshot.text(snapshot.series[family.series.first + i].labels));
      }
      out.push_back(std::move(row));
    }
    return out;
  }

  testing::TempDir dir_;
  const std::string address_ = absl::StrCat("unix:", dir_.path(), "/percpud.sock");
  testing::FakeMetricsDaemon daemon_{address_};
};

TEST_F(ReaderTest, EachSeriesIsOfItsFamilyWhereNamespacesInterleave) {
  const Client shop = Open("shop");
  const Client mail = Open("mail");
  Count(shop, "hits", "/a");
  Count(mail, "sent", "/b");
  Count(shop, "visits", "/c");
  Count(mail, "read", "/d");
  Count(shop, "hits", "/e");
  Reader reader(address_.c_str(), nullptr);
  ASSERT_TRUE(reader.Refresh(Deadline())) << reader.reason();
  EXPECT_THAT(Rows(reader.snapshot()),
              ElementsAre("shop/hits: path=\"/a\" path=\"/e\"", "mail/sent: path=\"/b\"",
                          "shop/visits: path=\"/c\"", "mail/read: path=\"/d\""));
  // Nothing changed: what is there stays.
  ASSERT_TRUE(reader.Refresh(Deadline())) << reader.reason();
  EXPECT_EQ(reader.snapshot().families.size(), 4U);
}

}  // namespace
}  // namespace percpud::c
