// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Sums over hosts that are servers of this process, over real TLS.

#include "server/fleet/reading_service.h"

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "percpud/v1/reading.grpc.pb.h"
#include "server/fleet/atomic_file.h"
#include "server/fleet/records.h"
#include "tests/support/process.h"
#include "tests/unit/fleet/fake_etcd.h"

namespace percpud::fleet {
namespace {

namespace wire = percpud::v1;
using percpud::testing::RunToEnd;
using percpud::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A host's percpud: one family in pages of one series, and one variable.
class FakeHost final : public wire::ReadingService::Service {
 public:
  grpc::Status ReadFamily(grpc::ServerContext*, const wire::ReadFamilyRequest* request,
                          wire::ReadFamilyResponse* response) override {
    ++calls;
    if (hold != nullptr) hold->WaitForNotification();
    if (!refusal.ok()) return refusal;
    const int page = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    *response->mutable_shape() = shape;
    wire::Series& series = *response->add_series();
    series.add_label_values(absl::StrCat("s", page));
    series.add_cells()->set_count(count + static_cast<std::uint64_t>(page));
    if (page + 1 < pages) response->set_next_page_token(absl::StrCat(page + 1));
    return grpc::Status::OK;
  }
  grpc::Status ReadVariables(grpc::ServerContext*, const wire::ReadVariablesRequest* request,
                             wire::ReadVariablesResponse* response) override {
    wire::VariableSums& one = *response->add_variables();
    one.mutable_variable()->set_name(absl::StrCat(request->prefix(), "rows"));
    one.add_sums(static_cast<std::int64_t>(count));
    return grpc::Status::OK;
  }

  wire::FamilyShape shape;
  std::uint64_t count = 0;
  int pages = 2;
  grpc::Status refusal;
  absl::Notification* hold = nullptr;
  std::atomic<int> calls = 0;
};

class ReadingServiceTest : public ::testing::Test {
 protected:
  static constexpr int kHosts = 3;

  ReadingServiceTest() {
    // One certificate for all: it vouches for itself.
    const auto made =
        RunToEnd({"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-keyout", key_, "-out", certificate_,
                  "-days", "2", "-subj", "/CN=host", "-addext", "subjectAltName=IP:127.0.0.1"});
    EXPECT_TRUE(made.ok() && made->exit_code == 0) << made.status();
    for (int i = 0; i < kHosts; ++i) {
      hosts_[i].shape.set_name("hits");
      hosts_[i].shape.set_type(wire::FAMILY_TYPE_COUNTER);
      hosts_[i].count = 1 + 10 * static_cast<std::uint64_t>(i);
      Serve(i);
    }
  }
  ~ReadingServiceTest() override {
    for (auto& server : servers_) {
      if (server != nullptr) server->Shutdown(std::chrono::system_clock::now());
    }
  }
  void Serve(int i) {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = ReadWhole(certificate_).value();
    options.pem_key_cert_pairs.push_back({ReadWhole(key_).value(), options.pem_root_certs});
    grpc::ServerBuilder builder;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", ports_[i]),
                             grpc::SslServerCredentials(options), &ports_[i]);
    builder.RegisterService(&hosts_[i]);
    servers_[i] = builder.BuildAndStart();
    ASSERT_NE(servers_[i], nullptr);
    Record(i, {absl::StrCat("tls:127.0.0.1:", ports_[i])});
  }
  // Puts the host into the view, with these addresses.
  void Record(int i, const std::vector<std::string>& addresses) {
    v1::HostRecord record;
    record.set_weight(1);
    record.set_incarnation(absl::StrCat("i", i));
    for (const std::string& address : addresses) record.add_addresses(address);
    etcd_.Write(keys_.Host(absl::StrCat("h", i)), ToJson(record), 0);
    directory_.OnListing(*etcd_.List(keys_.prefix()));
  }
  void Stop(int i) {
    servers_[i]->Shutdown(std::chrono::system_clock::now());
    servers_[i]->Wait();
    servers_[i].reset();
  }
  v1::SumFamilyResponse Sum(bool available = false, absl::Duration deadline = absl::Seconds(20)) {
    v1::SumFamilyRequest request;
    request.set_family("hits");
    request.mutable_asking()->set_available(available);
    request.mutable_asking()->set_by_host(true);
    request.mutable_asking()->mutable_deadline()->set_nanos(
        static_cast<std::int32_t>(absl::ToInt64Nanoseconds(deadline % absl::Seconds(1))));
    request.mutable_asking()->mutable_deadline()->set_seconds(absl::ToInt64Seconds(deadline));
    v1::SumFamilyResponse out;
    status_ = sums_->SumFamily(request, out);
    return out;
  }
  static std::vector<std::string> Missing(const v1::Round& round) {
    std::vector<std::string> out;
    for (const v1::MissingHost& each : round.missing()) out.push_back(each.host());
    return out;
  }

  TempDir dir_;
  const std::string key_ = dir_.path() + "/key.pem";
  const std::string certificate_ = dir_.path() + "/cert.pem";
  SystemClock clock_;
  testing::FakeEtcd etcd_;
  const Keys keys_{"f"};
  Directory directory_{
      {.fleet = "f"}, keys_, "h0", clock_, [](const Registration::Seen& /*seen*/) {}};
  FakeHost hosts_[kHosts];
  int ports_[kHosts] = {};
  std::unique_ptr<grpc::Server> servers_[kHosts];
  Deadlines deadlines_{clock_};
  std::unique_ptr<HostChannels> channels_;
  std::unique_ptr<FleetSums> sums_;
  grpc::Status status_;

  void SetUp() override {
    channels_ = std::make_unique<HostChannels>(
        HostChannels::Options{
            .files = {.ca = certificate_, .certificate = certificate_, .key = key_},
            .own_incarnation = "nobody's",
            .own_address = "unix:/nowhere"},
        clock_);
    sums_ = std::make_unique<FleetSums>(directory_, *channels_, deadlines_, clock_);
  }
};

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
  v1::SumVariablesResponse variables;
  ASSERT_TRUE(sums_->SumVariables(request, variables).ok());
  ASSERT_EQ(variables.variables_size(), 1);
  EXPECT_EQ(variables.variables(0).name(), "db.rows");
  EXPECT_THAT(variables.variables(0).sums(), ElementsAre(33));
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
  absl::Notification end;
  hosts_[2].hold = &end;
  const BootTime begin = clock_.Now();
  const v1::SumFamilyResponse partial = Sum(/*available=*/true, absl::Milliseconds(800));
  const absl::Duration took = clock_.Now() - begin;
  end.Notify();
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
  Record(0, {"unix:/run/percpud/percpud.sock"});
  Sum();
  EXPECT_THAT(status_.error_message(), HasSubstr("is not tls:HOST:PORT"));
  Record(0, {});
  Sum();
  EXPECT_THAT(status_.error_message(), HasSubstr("h0 (address: its record has none)"));
}

TEST_F(ReadingServiceTest, CallersOfOneMomentShareARound) {
  absl::Notification go_on;
  for (FakeHost& host : hosts_) {
    host.hold = &go_on;
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
      v1::SumFamilyResponse out;
      const bool is_ok = sums_->SumFamily(request, out).ok();
      if (is_ok && out.series(0).cells(0).count() == 33) ++right;
    });
  }
  while (hosts_[0].calls == 0) std::this_thread::yield();
  go_on.Notify();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(right, kCallers);
  // How many had come by then is the scheduler's choice; without sharing it is one each.
  EXPECT_LE(hosts_[0].calls, kCallers);
}

TEST_F(ReadingServiceTest, WhatCannotBeAskedIsRefused) {
  Sum(/*available=*/false, absl::Milliseconds(1));
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status_.error_message(), HasSubstr("10ms to 1m"));
  v1::SumFamilyResponse out;
  v1::SumFamilyRequest request;
  EXPECT_THAT(sums_->SumFamily(request, out).error_message(), HasSubstr("family: is empty"));
  request.set_family(std::string(2000, 'x'));
  EXPECT_THAT(sums_->SumFamily(request, out).error_message(), HasSubstr("1024"));
}

}  // namespace
}  // namespace percpud::fleet
