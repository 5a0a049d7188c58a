// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/reading_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "percpud/v1/reading.grpc.pb.h"
#include "tests/unit/service/metrics_rig.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReadingServiceTest : public testing::MetricsServiceRig {
 protected:
  void SetUp() override {
    MetricsServiceRig::SetUp();
    reading_ = v1::ReadingService::NewStub(testing::ChannelTo(*server_));
  }
  // A family of as many series, of which the i-th has counted i.
  void Count(const std::string& name, int series) {
    v1::FamilySeries family;
    family.mutable_shape()->set_name(name);
    family.mutable_shape()->set_type(v1::FAMILY_TYPE_COUNTER);
    family.mutable_shape()->set_cells(v1::CELL_KIND_INTEGER);
    family.mutable_shape()->add_label_names("n");
    for (int i = 0; i < series; ++i) family.add_series()->add_values(absl::StrCat(i));
    const v1::OpenSeriesResponse opened = Open(family);
    for (int i = 0; i < opened.series_size(); ++i) {
      Put(opened.series(i).pointer(), static_cast<std::uint64_t>(i));
    }
  }
  void Put(std::uint64_t pointer, std::uint64_t value) {
    const auto pin = allocator_->Touch(PercpuPtr(pointer), Bytes(sizeof(value)));
    ASSERT_TRUE(pin.ok()) << pin.status();
    ASSERT_TRUE(pin->Write(UnitId(1), std::as_bytes(std::span(&value, 1))).ok());
  }
  void Make(const std::string& name, VariableType type, Bytes size, std::uint64_t value) {
    const auto opened = sessions_->variables().Open(
        kOperator, {.name = name, .type = type, .size = size, .create = true});
    ASSERT_TRUE(opened.ok()) << opened.status();
    Put(opened->variable.pointer.value(), value);
  }
  grpc::Status Read(const std::string& family, std::vector<std::uint64_t>& out,
                    std::int32_t page_size = 0) {
    v1::ReadFamilyRequest request;
    request.set_namespace_("shop");
    request.set_family(family);
    request.set_page_size(page_size);
    while (true) {
      grpc::ClientContext context;
      testing::Prepare(context, nullptr);
      v1::ReadFamilyResponse response;
      grpc::Status status = reading_->ReadFamily(&context, request, &response);
      if (!status.ok()) return status;
      EXPECT_EQ(response.shape().name(), family);
      for (const v1::Series& series : response.series()) {
        EXPECT_EQ(series.family(), family);
        out.push_back(series.cells(0).count());
      }
      if (response.next_page_token().empty()) return status;
      request.set_page_token(response.next_page_token());
    }
  }
  // "name=sum,sum", of all pages.
  std::vector<std::string> ReadVariables(v1::ReadVariablesRequest request) {
    std::vector<std::string> out;
    while (true) {
      grpc::ClientContext context;
      testing::Prepare(context, nullptr);
      v1::ReadVariablesResponse response;
      const grpc::Status status = reading_->ReadVariables(&context, request, &response);
      if (!status.ok()) return {status.error_message()};
      for (const v1::VariableSums& each : response.variables()) {
        out.push_back(absl::StrCat(each.variable().name(), "=", absl::StrJoin(each.sums(), ",")));
      }
      if (response.next_page_token().empty()) return out;
      request.set_page_token(response.next_page_token());
    }
  }
  static v1::ReadVariablesRequest Prefix(const std::string& prefix, std::int32_t page_size = 0) {
    v1::ReadVariablesRequest out;
    out.set_prefix(prefix);
    out.set_page_size(page_size);
    return out;
  }

  std::unique_ptr<v1::ReadingService::Stub> reading_;
};

TEST_F(ReadingServiceTest, AFamilyIsReadByItsWholeName) {
  Count("hits", 3);
  Count("hits_more", 1);
  std::vector<std::uint64_t> counts;
  ASSERT_TRUE(Read("hits", counts).ok());
  EXPECT_THAT(counts, ElementsAre(0, 1, 2));
  counts.clear();
  ASSERT_TRUE(Read("hits", counts, /*page_size=*/1).ok());
  EXPECT_THAT(counts, ElementsAre(0, 1, 2));
  const grpc::Status unknown = Read("hit", counts);
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(unknown.error_message(), HasSubstr("hit"));
}

TEST_F(ReadingServiceTest, VariablesAreReadByPrefixOrName) {
  Make("db.rows", VariableType::kCounter, Bytes(8), 7);
  Make("db.sizes", VariableType::kHistogram, Bytes(16), 3);
  Make("db", VariableType::kGauge, Bytes(8), 1);
  Make("dc", VariableType::kBytes, Bytes(16), 1);
  EXPECT_THAT(ReadVariables(Prefix("")), ElementsAre("db=1", "db.rows=7", "db.sizes=3,0", "dc="));
  EXPECT_THAT(ReadVariables(Prefix("db")), ElementsAre("db=1", "db.rows=7", "db.sizes=3,0"));
  EXPECT_THAT(ReadVariables(Prefix("db.", 1)), ElementsAre("db.rows=7", "db.sizes=3,0"));
  EXPECT_THAT(ReadVariables(Prefix("e")), IsEmpty());
  v1::ReadVariablesRequest named;
  for (const char* const name : {"dc", "db.rows", "nobody", "db", "db"}) named.add_names(name);
  named.set_page_size(2);
  EXPECT_THAT(ReadVariables(named), ElementsAre("db=1", "db.rows=7", "dc="));
  for (std::uint32_t i = 0; i < kLimits.batch; ++i) named.add_names("more");
  EXPECT_THAT(ReadVariables(named), ElementsAre(HasSubstr("names")));
}

// Else the pages before would be of one family and the rest of another.
TEST_F(ReadingServiceTest, ATokenIsOfOneFamily) {
  Count("hits", 3);
  v1::ReadFamilyRequest request;
  request.set_namespace_("shop");
  request.set_family("hits");
  request.set_page_size(1);
  const auto read = [&](v1::ReadFamilyResponse& response) {
    grpc::ClientContext context;
    testing::Prepare(context, nullptr);
    return reading_->ReadFamily(&context, request, &response);
  };
  v1::ReadFamilyResponse first;
  ASSERT_TRUE(read(first).ok());
  request.set_page_token(first.next_page_token());
  v1::ReadFamilyResponse second;
  ASSERT_TRUE(read(second).ok());
  EXPECT_EQ(second.series(0).cells(0).count(), 1U);
  v1::ResetNamespaceRequest reset;
  reset.set_namespace_("shop");
  v1::ResetNamespaceResponse done;
  ASSERT_TRUE(Call(&Stub::ResetNamespace, reset, &done).ok());
  v1::FamilySeries other;
  other.mutable_shape()->set_name("hits");
  other.mutable_shape()->set_type(v1::FAMILY_TYPE_GAUGE);
  other.mutable_shape()->set_cells(v1::CELL_KIND_INTEGER);
  other.add_series();
  Open(other);
  v1::ReadFamilyResponse response;
  const grpc::Status refused = read(response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.error_message(), HasSubstr("page_token"));
  request.clear_page_token();
  EXPECT_TRUE(read(response).ok());
}

}  // namespace
}  // namespace percpud
