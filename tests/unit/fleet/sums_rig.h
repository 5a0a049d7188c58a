// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Hosts of a fleet that are servers of this process, over real TLS, and sums over them.

#ifndef PERCPUD_TESTS_UNIT_FLEET_SUMS_RIG_H_
#define PERCPUD_TESTS_UNIT_FLEET_SUMS_RIG_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "percpud/v1/reading.grpc.pb.h"
#include "server/fleet/reading_service.h"
#include "server/fleet/records.h"
#include "tests/support/pki.h"
#include "tests/support/process.h"
#include "tests/support/text_file.h"
#include "tests/unit/fleet/fake_etcd.h"

namespace percpud::fleet::testing {

namespace wire = percpud::v1;

// A host's percpud: one family in pages of one series, and one variable.
class FakeHost final : public wire::ReadingService::Service {
 public:
  grpc::Status ReadFamily(grpc::ServerContext* context, const wire::ReadFamilyRequest* request,
                          wire::ReadFamilyResponse* response) override {
    ++calls;
    if (twist != nullptr) return twist(*context, *request, *response);
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
    one.mutable_variable()->set_name(
        request->names().empty() ? absl::StrCat(request->prefix(), "rows") : request->names(0));
    one.add_sums(static_cast<std::int64_t>(count));
    return grpc::Status::OK;
  }

  wire::FamilyShape shape;
  std::uint64_t count = 0;
  int pages = 2;
  grpc::Status refusal;
  absl::Notification* hold = nullptr;
  // What it does instead.
  std::function<grpc::Status(grpc::ServerContext&, const wire::ReadFamilyRequest&,
                             wire::ReadFamilyResponse&)>
      twist;
  std::atomic<int> calls = 0;
};

class SumsRig : public ::testing::Test {
 protected:
  static constexpr int kHosts = 3;
  static constexpr char kOwnIncarnation[] = "own";

  SumsRig() {
    for (int i = 0; i < kHosts; ++i) {
      hosts_[i].shape.set_name("hits");
      hosts_[i].shape.set_type(wire::FAMILY_TYPE_COUNTER);
      hosts_[i].shape.add_label_names("page");
      hosts_[i].count = 1 + 10 * static_cast<std::uint64_t>(i);
      Serve(i);
    }
  }
  ~SumsRig() override {
    if (!go_on_.HasBeenNotified()) go_on_.Notify();
    for (auto& server : servers_) {
      if (server != nullptr) server->Shutdown(std::chrono::system_clock::now());
    }
  }
  void Serve(int i) {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = percpud::testing::ReadText(files_.ca);
    options.pem_key_cert_pairs.push_back(
        {percpud::testing::ReadText(files_.key), percpud::testing::ReadText(files_.certificate)});
    grpc::ServerBuilder builder;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", ports_[i]),
                             grpc::SslServerCredentials(options), &ports_[i]);
    builder.RegisterService(&hosts_[i]);
    servers_[i] = builder.BuildAndStart();
    ASSERT_NE(servers_[i], nullptr);
    Record(i, {absl::StrCat("tls:127.0.0.1:", ports_[i])});
  }
  // Puts the host into the view, with these addresses.
  void Record(int i, const std::vector<std::string>& addresses,
              const std::string& incarnation = "some") {
    v1::HostRecord record;
    record.set_weight(1);
    record.set_incarnation(incarnation);
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
    FoundSum<v1::SumFamilyResponse> out = Find<v1::SumFamilyResponse>(request);
    status_ = out.status;
    return std::move(out.response);
  }
  // Returns what is told once it is found, by whichever thread.
  template <typename Response, typename Request>
  FoundSum<Response> Find(const Request& request) {
    FoundSum<Response> out;
    absl::Notification told;
    sums_->Find(request, [&](const FoundSum<Response>& found) {
      out = found;
      told.Notify();
    });
    told.WaitForNotification();
    return out;
  }
  static std::vector<std::string> Missing(const v1::Round& round) {
    std::vector<std::string> out;
    for (const v1::MissingHost& each : round.missing()) out.push_back(each.host());
    return out;
  }

  percpud::testing::TempDir dir_;
  percpud::testing::Pki pki_{dir_.path()};
  // One certificate for all.
  const percpud::testing::PemFiles files_ = pki_.Issue(
      pki_.Authority("ca"), "host", {.names = "IP:127.0.0.1", .usage = "serverAuth,clientAuth"});
  SystemClock clock_;
  FakeEtcd etcd_;
  const Keys keys_{"f"};
  Directory directory_{
      {.fleet = "f"}, keys_, "h0", clock_, [](const Registration::Seen& /*seen*/) {}};
  // For hosts that wait; it outlives them.
  absl::Notification go_on_;
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
            .files = {.ca = files_.ca, .certificate = files_.certificate, .key = files_.key},
            .own_name = "own",
            .own_incarnation = kOwnIncarnation,
            .own_address = "unix:/nowhere"},
        clock_);
    sums_ = std::make_unique<FleetSums>(directory_, *channels_, deadlines_, clock_);
  }
};

}  // namespace percpud::fleet::testing

#endif  // PERCPUD_TESTS_UNIT_FLEET_SUMS_RIG_H_
