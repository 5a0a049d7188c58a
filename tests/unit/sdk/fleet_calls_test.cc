// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The connection against an agent in this process: what is said, asked again, and refused.

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "percpu/fleet_connection.h"
#include "percpu/reason.h"
#include "percpud/fleet/v1/fleet.grpc.pb.h"
#include "percpud/fleet/v1/reading.grpc.pb.h"
#include "proto/percpud/v1/status_details.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

namespace v1 = ::percpud::fleet::v1;
namespace wire = ::percpud::v1;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class FakeAgent final : public v1::FleetService::Service {
 public:
  grpc::Status ListHosts(grpc::ServerContext* /*context*/, const v1::ListHostsRequest* /*request*/,
                         v1::ListHostsResponse* response) override {
    *response->mutable_view() = view;
    return status;
  }
  grpc::Status GetStatus(grpc::ServerContext* /*context*/, const v1::GetStatusRequest* /*request*/,
                         v1::GetStatusResponse* response) override {
    response->set_host("web1");
    response->set_watch_problem("etcd is away");
    response->mutable_uptime()->set_seconds(90);
    return status;
  }
  grpc::Status Place(grpc::ServerContext* /*context*/, const v1::PlaceRequest* request,
                     v1::PlaceResponse* response) override {
    for (std::uint32_t i = 0; i < request->count(); ++i) response->add_hosts(request->key());
    response->set_epoch("e1");
    return status;
  }

  v1::View view;
  grpc::Status status;
};

class FakeReading final : public v1::FleetReadingService::Service {
 public:
  grpc::Status SumFamily(grpc::ServerContext* /*context*/, const v1::SumFamilyRequest* request,
                         v1::SumFamilyResponse* response) override {
    family = *request;
    response->mutable_shape()->set_name(request->family());
    response->mutable_shape()->set_type(wire::FAMILY_TYPE_COUNTER);
    v1::SummedSeries& series = *response->add_series();
    series.add_label_values("200");
    series.add_cells()->set_count(7);
    v1::HostCells& host = *series.add_by_host();
    host.set_host("web1");
    host.add_cells()->set_count(7);
    response->mutable_round()->add_hosts("web1");
    v1::MissingHost& missing = *response->mutable_round()->add_missing();
    missing.set_host("web2");
    missing.set_code(static_cast<int>(grpc::StatusCode::DEADLINE_EXCEEDED));
    missing.set_message("no answer in time");
    return Answer();
  }
  grpc::Status SumVariables(grpc::ServerContext* /*context*/,
                            const v1::SumVariablesRequest* request,
                            v1::SumVariablesResponse* response) override {
    variables = *request;
    v1::SummedVariable& variable = *response->add_variables();
    variable.set_name("rows");
    variable.set_type(wire::VARIABLE_TYPE_GAUGE);
    variable.add_sums(-3);
    variable.add_differing_hosts("web2");
    v1::HostSums& host = *variable.add_by_host();
    host.set_host("web2");
    host.set_type(wire::VARIABLE_TYPE_HISTOGRAM);
    host.set_size_bytes(64);
    return Answer();
  }

  v1::SumFamilyRequest family;
  v1::SumVariablesRequest variables;
  // The first calls end by this.
  grpc::Status failure;
  int failures = 0;
  int calls = 0;

 private:
  grpc::Status Answer() { return calls++ < failures ? failure : grpc::Status::OK; }
};

class FleetCallsTest : public ::testing::Test {
 protected:
  FleetCallsTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    builder.RegisterService(&reading_);
    server_ = builder.BuildAndStart();
  }

  const percpud::testing::TempDir dir_;
  const std::string address_ = "unix:" + dir_.path() + "/fleet.sock";
  FakeAgent service_;
  FakeReading reading_;
  std::unique_ptr<grpc::Server> server_;
  const std::shared_ptr<FleetConnection> agent_ =
      MakeGrpcFleetConnection(address_, {.deadline = absl::Seconds(20), .retry = {}, .tls = {}});
};

TEST_F(FleetCallsTest, AViewHasWhatTheAgentSays) {
  service_.view.set_fleet("shop");
  service_.view.set_epoch("e1");
  service_.view.set_mass_loss(true);
  service_.view.mutable_stale_since()->set_seconds(10);
  v1::Host& host = *service_.view.add_hosts();
  host.set_name("web1");
  host.set_state(v1::HOST_STATE_LOST);
  host.mutable_lost_since()->set_seconds(12);
  host.mutable_drain()->set_reason("disk");
  host.mutable_record()->set_serving(v1::SERVING_DOWN);
  host.mutable_record()->set_weight(0.5);
  host.mutable_record()->set_server_name("gate");
  (*host.mutable_record()->mutable_labels())["zone"] = "z1";
  host.mutable_record()->mutable_layout()->set_free_bytes(4096);
  service_.view.add_hosts()->set_state(static_cast<v1::HostState>(77));
  const auto view = agent_->ListHosts();
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->fleet, "shop");
  EXPECT_EQ(view->epoch, "e1");
  EXPECT_TRUE(view->mass_loss);
  EXPECT_FALSE(view->is_stored);
  EXPECT_EQ(view->stale_since, absl::FromUnixSeconds(10));
  ASSERT_EQ(view->hosts.size(), 2U);
  const FleetHost& shown = view->hosts[0];
  EXPECT_EQ(shown.state, HostState::kLost);
  EXPECT_EQ(shown.lost_since, absl::FromUnixSeconds(12));
  EXPECT_EQ(shown.serving, HostServing::kDown);
  EXPECT_EQ(shown.drain->reason, "disk");
  EXPECT_FALSE(shown.drain->at.has_value());
  EXPECT_EQ(shown.weight, 0.5);
  EXPECT_EQ(shown.server_name, "gate");
  EXPECT_THAT(shown.labels, ElementsAre(Pair("zone", "z1")));
  EXPECT_EQ(shown.layout->free_bytes, 4096U);
  // A value of a later version.
  EXPECT_EQ(view->hosts[1].state, HostState::kUnknown);
  EXPECT_FALSE(view->hosts[1].layout.has_value());
}

TEST_F(FleetCallsTest, AHostWhoseWeightIsNoNumberTakesNoKeys) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  for (const double weight : {std::nan(""), kInfinite, -kInfinite, -1.0, 1e308}) {
    service_.view.add_hosts()->mutable_record()->set_weight(weight);
  }
  const auto view = agent_->ListHosts();
  ASSERT_TRUE(view.ok()) << view.status();
  std::vector<double> weights;
  for (const FleetHost& host : view->hosts) weights.push_back(host.weight);
  EXPECT_THAT(weights, ElementsAre(0, 0, 0, 0, 1e308));
  // A watch would tell the same view again and again.
  EXPECT_EQ(*view, *agent_->ListHosts());
}

TEST_F(FleetCallsTest, StatusAndPlacesHaveWhatTheAgentSays) {
  const auto status = agent_->GetStatus();
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->host, "web1");
  EXPECT_EQ(status->watch_problem, "etcd is away");
  EXPECT_EQ(status->uptime, absl::Seconds(90));
  const auto placed = agent_->Place("key", 2);
  ASSERT_TRUE(placed.ok()) << placed.status();
  EXPECT_THAT(placed->hosts, ElementsAre("key", "key"));
  EXPECT_EQ(placed->epoch, "e1");
}

TEST_F(FleetCallsTest, SumsSayHowHostsAreAskedAndWhatTheyHave) {
  const auto sum = agent_->SumFamily("hits", {.policy = SumPolicy::kAvailable,
                                              .deadline = absl::Milliseconds(1500),
                                              .name_space = "shop",
                                              .by_host = false});
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_EQ(reading_.family.namespace_(), "shop");
  EXPECT_TRUE(reading_.family.asking().available());
  EXPECT_FALSE(reading_.family.asking().by_host());
  EXPECT_EQ(reading_.family.asking().deadline().seconds(), 1);
  EXPECT_EQ(reading_.family.asking().deadline().nanos(), 500'000'000);
  EXPECT_EQ(sum->shape.type, FamilyType::kCounter);
  EXPECT_EQ(sum->series.front().cells.front().count, 7U);
  EXPECT_EQ(sum->series.front().by_host.front().host, "web1");
  EXPECT_TRUE(absl::IsDeadlineExceeded(sum->round.missing.front().why));

  const auto variables = agent_->SumVariable("rows", {});
  ASSERT_TRUE(variables.ok()) << variables.status();
  EXPECT_EQ(reading_.variables.name(), "rows");
  EXPECT_TRUE(reading_.variables.prefix().empty());
  const SummedVariable& variable = variables->variables.front();
  EXPECT_EQ(variable.type, VariableType::kGauge);
  EXPECT_THAT(variable.sums, ElementsAre(-3));
  EXPECT_EQ(variable.by_host.front().type, VariableType::kHistogram);
  ASSERT_TRUE(agent_->SumVariables("ro", {}).ok());
  EXPECT_EQ(reading_.variables.prefix(), "ro");
  EXPECT_TRUE(absl::IsInvalidArgument(agent_->SumVariable("", {}).status()));
}

TEST_F(FleetCallsTest, ASumIsAskedForOnceMoreUnlessTheAgentHasSpoken) {
  reading_.failure = {grpc::StatusCode::UNAVAILABLE, "Socket closed"};
  reading_.failures = 1;
  EXPECT_TRUE(agent_->SumFamily("hits", {}).ok());
  EXPECT_EQ(reading_.calls, 2);
  const absl::Status missing = absl::UnavailableError("hosts: web2");
  reading_.failure = {grpc::StatusCode::UNAVAILABLE, "hosts: web2",
                      wire::MakeStatusDetails(missing, kHostsMissing)};
  reading_.failures = 9;
  const absl::Status status = agent_->SumFamily("hits", {}).status();
  EXPECT_EQ(reading_.calls, 3);
  EXPECT_EQ(ReasonOf(status), kHostsMissing);
  EXPECT_EQ(status.message(), "hosts: web2");
}

TEST_F(FleetCallsTest, ADeadlineOutOfRangeIsTheAgentsToRefuse) {
  for (const absl::Duration deadline : {-absl::Hours(1), absl::InfiniteDuration()}) {
    const auto sum = agent_->SumFamily("hits", {.deadline = deadline});
    EXPECT_TRUE(sum.ok()) << sum.status();
    EXPECT_EQ(reading_.family.asking().deadline().seconds() < 0, deadline < absl::ZeroDuration());
  }
  EXPECT_EQ(reading_.calls, 2);
}

TEST_F(FleetCallsTest, AnAgentThatIsAwayIsNamed) {
  server_->Shutdown();
  server_.reset();
  const absl::Status status = agent_->ListHosts().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("percpud-fleet does not answer at unix:"), HasSubstr("systemctl")));
  // Nobody serves what changes a fleet.
  EXPECT_TRUE(absl::IsUnavailable(agent_->Drain("web1", "ann", "disk")));
  const auto elsewhere = MakeGrpcFleetConnection("web1:7331", {});
  EXPECT_TRUE(absl::IsInvalidArgument(elsewhere->ListHosts().status()));
}

}  // namespace
}  // namespace percpu
