// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/session/series/sums.h"
#include "tests/unit/service/metrics_rig.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;
using Stub = v1::MetricsService::Stub;

class MetricsServiceTest : public testing::MetricsServiceRig {
 protected:
  static v1::FamilySeries Hits(const std::vector<std::string>& paths) {
    v1::FamilySeries out;
    v1::FamilyShape& shape = *out.mutable_shape();
    shape.set_name("hits");
    shape.set_help("So many.");
    shape.set_type(v1::FAMILY_TYPE_COUNTER);
    shape.add_label_names("path");
    for (const std::string& path : paths) out.add_series()->add_values(path);
    return out;
  }
  // Writes into a cell as the CPUs of unit 0 and 1 would.
  template <typename T>
  void Put(std::uint64_t pointer, T first, T second) {
    const auto pin = allocator_->Touch(PercpuPtr(pointer), Bytes(sizeof(T)));
    ASSERT_TRUE(pin.ok()) << pin.status();
    ASSERT_TRUE(pin->Write(UnitId(0), std::as_bytes(std::span(&first, 1))).ok());
    ASSERT_TRUE(pin->Write(UnitId(1), std::as_bytes(std::span(&second, 1))).ok());
  }
};

TEST_F(MetricsServiceTest, SeriesAreOpenedAndReadWithWhatTheyCounted) {
  const v1::OpenSeriesResponse opened = Open(Hits({"/", "/a"}));
  ASSERT_EQ(opened.series_size(), 2);
  EXPECT_TRUE(opened.series(0).created());
  EXPECT_EQ(opened.generation(), 1U);
  Put(opened.series(1).pointer(), 1.5, 2.0);
  EXPECT_FALSE(Open(Hits({"/"})).series(0).created());

  const std::vector<v1::Series> series = ReadAll(0);
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].family(), "hits");
  EXPECT_THAT(series[1].label_values(), ElementsAre("/a"));
  ASSERT_EQ(series[1].cells_size(), 1);
  EXPECT_EQ(series[0].cells(0).sum(), 0.0);
  EXPECT_EQ(series[1].cells(0).sum(), 3.5);
  EXPECT_GT(series[0].create_time().seconds(), 0);
}

TEST_F(MetricsServiceTest, WhoMakesANamespaceNamesItsGroup) {
  v1::OpenSeriesRequest request;
  request.set_namespace_("shop");
  request.set_group_id(500);
  *request.add_families() = Hits({"/"});
  v1::OpenSeriesResponse response;
  const grpc::Status made = Call(&Stub::OpenSeries, request, &response);
  ASSERT_TRUE(made.ok()) << made.error_message();
  const auto open_as = [&](UserGroupId group) {
    const Peer peer{.pid = ProcessId(8), .uid = UserId(1001), .gid = group};
    const auto session = sessions_->Open({.kind = SessionKind::kLocalReadWrite, .peer = peer});
    EXPECT_TRUE(session.ok()) << session.status();
    const auto caller = sessions_->Find(session->token);
    return sessions_->metrics().Open(*caller, {.name_space = "shop", .families = {}}).status();
  };
  EXPECT_TRUE(open_as(UserGroupId(500)).ok());
  EXPECT_EQ(open_as(UserGroupId(501)).code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(MetricsServiceTest, AHistogramsCellsAreReadOneByOne) {
  v1::FamilySeries family;
  v1::FamilyShape& shape = *family.mutable_shape();
  shape.set_name("latency_seconds");
  shape.set_type(v1::FAMILY_TYPE_HISTOGRAM);
  shape.add_bounds(1);
  family.add_series();
  const v1::OpenSeriesResponse opened = Open(family);
  ASSERT_EQ(opened.series_size(), 1);
  ASSERT_FALSE(opened.series(0).has_refusal()) << opened.series(0).refusal().message();
  using metrics::CountSum;
  Put(opened.series(0).pointer() + 16, CountSum{.count = 2, .sum = 0.5},
      CountSum{.count = 1, .sum = 0.25});
  const std::vector<v1::Series> series = ReadAll(0);
  ASSERT_EQ(series.size(), 1U);
  ASSERT_EQ(series[0].cells_size(), 3);
  EXPECT_EQ(series[0].cells(1).count(), 3U);
  EXPECT_EQ(series[0].cells(1).sum(), 0.75);
  EXPECT_EQ(series[0].cells(2).count(), 0U);
}

TEST_F(MetricsServiceTest, ASeriesIsRefusedByItselfWithItsReason) {
  v1::FamilySeries family = Hits({"/"});
  Open(family);
  family.mutable_shape()->set_type(v1::FAMILY_TYPE_GAUGE);
  const v1::OpenSeriesResponse refused = Open(family);
  ASSERT_EQ(refused.series_size(), 1);
  EXPECT_EQ(refused.series(0).refusal().code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(refused.series(0).refusal().reason(), "FAMILY_DIFFERS");
}

TEST_F(MetricsServiceTest, TheWholeIsRefusedForWhatItIs) {
  v1::OpenSeriesRequest request;
  v1::OpenSeriesResponse response;
  request.set_namespace_("a\nb");
  EXPECT_EQ(Call(&Stub::OpenSeries, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  request.set_namespace_("shop");
  request.add_families()->mutable_shape()->set_type(static_cast<v1::FamilyType>(77));
  EXPECT_EQ(Call(&Stub::OpenSeries, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  request.Clear();
  const std::vector<std::string> many(kMaxOpening + 1, "/");
  *request.add_families() = Hits(many);
  EXPECT_EQ(Call(&Stub::OpenSeries, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  v1::ReadSeriesRequest read;
  read.set_namespace_("none");
  v1::ReadSeriesResponse none;
  EXPECT_EQ(Call(&Stub::ReadSeries, read, &none).error_code(), grpc::StatusCode::NOT_FOUND);
  Open(Hits({"/"}));
  read.set_namespace_("shop");
  read.set_page_token("made up");
  EXPECT_EQ(Call(&Stub::ReadSeries, read, &none).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(MetricsServiceTest, SeriesAreRemovedAndNamespacesReset) {
  const v1::OpenSeriesResponse opened = Open(Hits({"/", "/a"}));
  Put(opened.series(0).pointer(), 1.0, 2.0);
  v1::RemoveSeriesRequest remove;
  remove.set_namespace_("shop");
  remove.set_family("hits");
  remove.mutable_series()->add_values("/a");
  v1::RemoveSeriesResponse removed;
  ASSERT_TRUE(Call(&Stub::RemoveSeries, remove, &removed).ok());
  EXPECT_EQ(removed.series(), 1U);
  EXPECT_EQ(ReadAll(0).size(), 1U);
  EXPECT_EQ(Call(&Stub::RemoveSeries, remove, &removed).error_code(), grpc::StatusCode::NOT_FOUND);
  remove.clear_series();
  remove.set_removal(v1::SERIES_REMOVAL_RESET);
  ASSERT_TRUE(Call(&Stub::RemoveSeries, remove, &removed).ok());
  for (const v1::Series& series : ReadAll(0)) EXPECT_EQ(series.cells(0).sum(), 0.0);
  v1::ResetNamespaceRequest reset;
  reset.set_namespace_("shop");
  v1::ResetNamespaceResponse done;
  ASSERT_TRUE(Call(&Stub::ResetNamespace, reset, &done).ok());
  EXPECT_EQ(done.generation(), 2U);
  EXPECT_TRUE(ReadAll(0).empty());
}

TEST_F(MetricsServiceTest, PagesOfSeriesMeetEachOnceAndAPrefixChoosesFamilies) {
  std::vector<std::string> paths;
  for (int i = 0; i < 25; ++i) paths.push_back(absl::StrCat("/", i));
  Open(Hits(paths));
  v1::FamilySeries other = Hits({"/"});
  other.mutable_shape()->set_name("misses");
  Open(other);
  EXPECT_EQ(ReadAll(0).size(), 26U);
  for (const std::int32_t size : {1, 7, 25, 26}) {
    std::vector<std::string> read;
    for (const v1::Series& series : ReadAll(size, "hits")) read.push_back(series.label_values(0));
    EXPECT_EQ(read, paths) << size;
  }
  EXPECT_EQ(ReadAll(3, "mis").size(), 1U);
}

TEST_F(MetricsServiceTest, FamiliesAreListedWithTheirShapes) {
  Open(Hits({"/", "/a"}));
  v1::FamilySeries other = Hits({"/"});
  other.mutable_shape()->set_name("misses");
  other.set_max_series(5);
  other.mutable_ttl()->set_seconds(90);
  Open(other);
  v1::ListFamiliesRequest request;
  request.set_page_size(1);
  std::vector<v1::Family> families;
  do {
    v1::ListFamiliesResponse response;
    const grpc::Status status = Call(&Stub::ListFamilies, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    families.insert(families.end(), response.families().begin(), response.families().end());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  ASSERT_EQ(families.size(), 2U);
  EXPECT_EQ(families[0].namespace_(), "shop");
  EXPECT_EQ(families[0].shape().name(), "hits");
  EXPECT_EQ(families[0].shape().help(), "So many.");
  EXPECT_EQ(families[0].shape().cells(), v1::CELL_KIND_DOUBLE);
  EXPECT_EQ(families[0].series(), 2U);
  EXPECT_EQ(families[1].max_series(), 5U);
  EXPECT_EQ(families[1].ttl().seconds(), 90);
  EXPECT_FALSE(families[0].has_ttl());
}

}  // namespace
}  // namespace percpud
