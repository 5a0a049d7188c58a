// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Sums over hosts that are servers of this process, over real TLS.

#include "server/fleet/reading_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/fleet/sums_rig.h"

namespace percpud::fleet {
namespace {

namespace wire = percpud::v1;
using ::testing::ElementsAre;
using testing::FakeHost;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReadingServiceTest : public testing::SumsRig {};

TEST_F(ReadingServiceTest, SumsAreOfAllPagesOfAllHosts) {
  const v1::SumFamilyResponse sum = Sum();
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  ASSERT_EQ(sum.series_size(), 2);
  EXPECT_EQ(sum.series(0).cells(0).count(), 1U + 11 + 21);
  EXPECT_EQ(sum.series(1).cells(0).count(), 2U + 12 + 22);
  EXPECT_EQ(sum.series(0).by_host_size(), kHosts);
  EXPECT_THAT(sum.round().hosts(), ElementsAre("h0", "h1", "h2"));
  EXPECT_EQ(sum.round().epoch(), directory_.View().epoch());
  EXPECT_TRUE(sum.round().has_as_of());
  v1::SumVariablesRequest request;
  request.set_prefix("db.");
  const auto variables = Find<v1::SumVariablesResponse>(request);
  ASSERT_TRUE(variables.status.ok());
  ASSERT_EQ(variables.response.variables_size(), 1);
  EXPECT_EQ(variables.response.variables(0).name(), "db.rows");
  EXPECT_THAT(variables.response.variables(0).sums(), ElementsAre(33));
  request.set_name("one");
  EXPECT_EQ(Find<v1::SumVariablesResponse>(request).status.error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  request.clear_prefix();
  const auto one = Find<v1::SumVariablesResponse>(request);
  ASSERT_TRUE(one.status.ok());
  EXPECT_EQ(one.response.variables(0).name(), "one");
}

TEST_F(ReadingServiceTest, AHostThatIsGoneIsNamed) {
  Sum();
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  Stop(1);
  Sum();
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status_.error_message(), HasSubstr("1 of 3 missing: h1 ("));
  // The agent's own word.
  EXPECT_THAT(status_.error_details(), HasSubstr("HOSTS_MISSING"));
  const v1::SumFamilyResponse partial = Sum(/*available=*/true);
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_EQ(partial.series(0).cells(0).count(), 1U + 21);
  EXPECT_THAT(Missing(partial.round()), ElementsAre("h1"));
  // It is asked anew at once when it is back.
  Serve(1);
  EXPECT_EQ(Sum().series(0).cells(0).count(), 33U);
  EXPECT_TRUE(status_.ok()) << status_.error_message();
}

TEST_F(ReadingServiceTest, AHostThatDoesNotAnswerTakesTheDeadlineAndNoMore) {
  hosts_[2].hold = &go_on_;
  const BootTime begin = clock_.Now();
  const v1::SumFamilyResponse partial = Sum(/*available=*/true, absl::Milliseconds(800));
  const absl::Duration took = clock_.Now() - begin;
  go_on_.Notify();
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_THAT(Missing(partial.round()), ElementsAre("h2"));
  EXPECT_EQ(partial.round().missing(0).message(), "no answer in time");
  EXPECT_GE(took, absl::Milliseconds(700));
  EXPECT_LT(took, absl::Seconds(10));
}

TEST_F(ReadingServiceTest, ARefusalIsToldAsOne) {
  hosts_[1].refusal = {grpc::StatusCode::PERMISSION_DENIED, "export.families: no entry"};
  Sum();
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status_.error_message(), HasSubstr("h1 (export.families: no entry)"));
  hosts_[1].refusal = {grpc::StatusCode::NOT_FOUND, "no such family"};
  const v1::SumFamilyResponse sum = Sum();
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_EQ(sum.series(0).cells(0).count(), 22U);
  EXPECT_THAT(Missing(sum.round()), IsEmpty());
  for (FakeHost& host : hosts_) host.refusal = hosts_[1].refusal;
  Sum();
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ReadingServiceTest, AnotherShapeFailsOrIsLeftOut) {
  hosts_[2].shape.set_type(wire::FAMILY_TYPE_GAUGE);
  Sum();
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status_.error_message(), HasSubstr("h2 than on h0: type"));
  const v1::SumFamilyResponse partial = Sum(/*available=*/true);
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_THAT(Missing(partial.round()), ElementsAre("h2"));
}

TEST_F(ReadingServiceTest, ANextAddressIsTriedAndPlainTextIsNot) {
  Record(0, {"tls:127.0.0.1:1", absl::StrCat("tls:127.0.0.1:", ports_[0])});
  EXPECT_EQ(Sum().series(0).cells(0).count(), 33U);
  EXPECT_TRUE(status_.ok()) << status_.error_message();
  // gRPC would take some of these for a socket of this host, or a server of names.
  for (const char* const address :
       {"unix:/run/percpud/percpud.sock", "tls:unix:/run/percpud/percpud.sock:1",
        "tls:unix-abstract:a:1", "tls:dns://127.0.0.1:1/a:1", "tls:ipv4:127.0.0.1:1", "tls:"}) {
    Record(0, {address});
    Sum();
    EXPECT_THAT(status_.error_message(), HasSubstr("is not tls:HOST:PORT")) << address;
  }
  Record(0, {});
  Sum();
  EXPECT_THAT(status_.error_message(), HasSubstr("h0 (address: its record has none)"));
}

TEST_F(ReadingServiceTest, CallersOfOneMomentShareARound) {
  for (FakeHost& host : hosts_) {
    host.hold = &go_on_;
    host.pages = 1;
  }
  std::vector<std::thread> callers;
  std::atomic<int> right = 0;
  constexpr int kCallers = 6;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      v1::SumFamilyRequest request;
      request.set_family("hits");
      request.mutable_asking()->mutable_deadline()->set_seconds(20);
      const auto found = Find<v1::SumFamilyResponse>(request);
      if (found.status.ok() && found.response.series(0).cells(0).count() == 33) ++right;
    });
  }
  while (hosts_[0].calls == 0) std::this_thread::yield();
  go_on_.Notify();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(right, kCallers);
  // How many had come by then is the scheduler's choice; without sharing it is one each.
  EXPECT_LE(hosts_[0].calls, kCallers);
}

TEST_F(ReadingServiceTest, WhatCannotBeAskedIsRefused) {
  Sum(/*available=*/false, absl::Milliseconds(1));
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status_.error_message(), HasSubstr("10ms to 1m"));
  v1::SumFamilyRequest request;
  EXPECT_THAT(Find<v1::SumFamilyResponse>(request).status.error_message(),
              HasSubstr("family: is empty"));
  request.set_family(std::string(2000, 'x'));
  EXPECT_THAT(Find<v1::SumFamilyResponse>(request).status.error_message(), HasSubstr("1024"));
}

}  // namespace
}  // namespace percpud::fleet
