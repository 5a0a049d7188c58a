// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Sums over hosts that are no percpud, and callers who do not wait for them.

#include "server/fleet/reading_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <grpcpp/create_channel.h>

#include <atomic>
#include <memory>
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

class HostileHostsTest : public testing::SumsRig {};

// Whatever it does, it costs the answer its own numbers and no more.
TEST_F(HostileHostsTest, AHostThatIsNoPercpudIsLeftOut) {
  using Twist = decltype(FakeHost::twist);
  struct Row {
    const char* says;
    Twist twist;
  };
  const auto as_asked = [this](wire::ReadFamilyResponse& response) -> wire::Series& {
    *response.mutable_shape() = hosts_[1].shape;
    wire::Series& series = *response.add_series();
    series.add_label_values("s0");
    series.add_cells()->set_count(1'000'000);
    return series;
  };
  const Row rows[] = {
      {"a page has more than",
       [](auto&, const auto&, auto& response) {
         for (int i = 0; i < 1'000'000; ++i) response.add_series();
         return grpc::Status::OK;
       }},
      {"is no message",
       [](auto& context, const auto&, auto& response) {
         context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
         response.mutable_shape()->set_help(std::string(64 << 20, 'a'));
         return grpc::Status::OK;
       }},
      {"more than 64 pages",
       [&](auto&, const auto&, auto& response) {
         as_asked(response);
         response.set_next_page_token("again");
         return grpc::Status::OK;
       }},
      {"take more than",
       [&](auto&, const auto&, auto& response) {
         as_asked(response).set_family(std::string(3 << 20, 'a'));
         response.set_next_page_token("again");
         return grpc::Status::OK;
       }},
      {"0 cells",
       [&](auto&, const auto&, auto& response) {
         as_asked(response).clear_cells();
         return grpc::Status::OK;
       }},
      {"2 label values",
       [&](auto&, const auto&, auto& response) {
         as_asked(response).add_label_values("more");
         return grpc::Status::OK;
       }},
      {"\\xff\\xfe",
       [](auto&, const auto&, auto&) {
         return grpc::Status(grpc::StatusCode::INTERNAL, std::string("\xff\xfe\x1b[2J"));
       }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.says);
    hosts_[1].twist = row.twist;
    const v1::SumFamilyResponse partial = Sum(/*available=*/true);
    ASSERT_TRUE(status_.ok()) << status_.error_message();
    ASSERT_THAT(Missing(partial.round()), ElementsAre("h1"));
    EXPECT_THAT(partial.round().missing(0).message(), HasSubstr(row.says));
    EXPECT_EQ(partial.series(0).cells(0).count(), 1U + 21);
    v1::SumFamilyResponse read;
    EXPECT_TRUE(read.ParseFromString(partial.SerializeAsString()));
    Sum();
    EXPECT_THAT(status_.error_message(), HasSubstr(row.says));
  }
}

// What the others have said does not wait for it in memory.
TEST_F(HostileHostsTest, OneThatDoesNotAnswerLeavesRoomForTheOthersPages) {
  hosts_[0].hold = &go_on_;
  for (int i = 1; i < kHosts; ++i) {
    hosts_[i].twist = [this, i](auto&, const auto& request, auto& response) {
      const int page = request.page_token().empty() ? 0 : std::stoi(request.page_token());
      *response.mutable_shape() = hosts_[i].shape;
      wire::Series& series = *response.add_series();
      series.add_label_values(absl::StrCat("s", page));
      series.add_cells()->set_count(1);
      series.set_family(std::string(3 << 20, 'a'));
      if (page < 4) response.set_next_page_token(absl::StrCat(page + 1));
      return grpc::Status::OK;
    };
  }
  const v1::SumFamilyResponse partial = Sum(/*available=*/true, absl::Seconds(5));
  go_on_.Notify();
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_THAT(Missing(partial.round()), ElementsAre("h0"));
  EXPECT_THAT(partial.round().hosts(), ElementsAre("h1", "h2"));
  ASSERT_EQ(partial.series_size(), 5);
  for (const v1::SummedSeries& each : partial.series()) EXPECT_EQ(each.cells(0).count(), 2U);
}

// Its token was of a family that has been replaced meanwhile.
TEST_F(HostileHostsTest, AHostThatForgotItsTokenIsAskedAnew) {
  std::atomic<int> forgotten = 0;
  hosts_[1].twist = [&](auto&, const auto& request, auto& response) {
    const bool is_first = request.page_token().empty();
    if (!is_first && forgotten++ == 0) {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "page_token: is not this method's");
    }
    *response.mutable_shape() = hosts_[1].shape;
    wire::Series& series = *response.add_series();
    series.add_label_values(is_first ? "s0" : "s1");
    series.add_cells()->set_count(11);
    if (is_first) response.set_next_page_token("1");
    return grpc::Status::OK;
  };
  const v1::SumFamilyResponse sum = Sum();
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_EQ(sum.series(0).cells(0).count(), 1U + 11 + 21);
  EXPECT_EQ(sum.series(1).cells(0).count(), 2U + 11 + 22);
}

TEST_F(HostileHostsTest, AHostWithTheOwnHostsIncarnationIsNotTheOwnHost) {
  Record(1, {absl::StrCat("tls:127.0.0.1:", ports_[1])}, kOwnIncarnation);
  Sum();
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_EQ(hosts_[1].calls, hosts_[2].calls);
}

TEST_F(HostileHostsTest, RoundsEndWithTheAgent) {
  hosts_[2].hold = &go_on_;
  std::thread caller([&] {
    Sum(/*available=*/false, absl::Seconds(60));
    EXPECT_EQ(status_.error_code(), grpc::StatusCode::UNAVAILABLE);
  });
  while (hosts_[2].calls == 0) std::this_thread::yield();
  const BootTime begin = clock_.Now();
  deadlines_.EndAll();
  caller.join();
  // Rounds that begin later end, too.
  Sum(/*available=*/false, absl::Seconds(60));
  EXPECT_LT(clock_.Now() - begin, absl::Seconds(30));
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::UNAVAILABLE);
  go_on_.Notify();
}

TEST_F(HostileHostsTest, ACallerWhoLeavesBeforeItsTurnCostsNoRound) {
  // A user may have no more that wait for hosts.
  constexpr int kThreads = 2;
  for (FakeHost& host : hosts_) {
    host.hold = &go_on_;
    host.pages = 1;
  }
  UnreadAnswers unread;
  FleetReadingServiceImpl service(*sums_, unread);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto call = [&](int number, absl::Duration patience) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = v1::FleetReadingService::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + patience));
    v1::SumFamilyRequest request;
    request.set_family(absl::StrCat("hits", number));
    request.mutable_asking()->mutable_deadline()->set_seconds(60);
    v1::SumFamilyResponse response;
    return stub->SumFamily(&context, request, &response).error_code();
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < kThreads; ++i) {
    callers.emplace_back([&, i] { EXPECT_EQ(call(i, absl::Seconds(60)), grpc::StatusCode::OK); });
  }
  while (hosts_[0].calls < kThreads) std::this_thread::yield();
  for (int i = 0; i < kThreads; ++i) {
    EXPECT_EQ(call(kThreads + i, absl::Milliseconds(200)), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  // The service hears of it a little later.
  while (unread.size() > kThreads) std::this_thread::yield();
  go_on_.Notify();
  for (std::thread& caller : callers) caller.join();
  server->Shutdown();
  server->Wait();
  EXPECT_EQ(hosts_[0].calls, kThreads);
}

}  // namespace
}  // namespace percpud::fleet
