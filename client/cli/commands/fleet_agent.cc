// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/fleet_agent.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>
#include <pwd.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/reach.h"
#include "client/cli/text.h"
#include "percpud/fleet/v1/fleet.grpc.pb.h"
#include "percpud/fleet/v1/reading.grpc.pb.h"

namespace percpu::cli {
namespace {

namespace v1 = percpud::fleet::v1;

absl::Status ToStatus(const grpc::Status& status, const std::string& address) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return absl::OkStatus();
    case grpc::StatusCode::UNAVAILABLE:
      // Other hosts cannot be reached, and the agent says so.
      if (!status.error_details().empty()) return Unreachable(Printable(status.error_message()));
      return Unreachable(absl::StrCat("cannot reach percpud-fleet at ", Printable(address), ": ",
                                      Printable(status.error_message()),
                                      " (--agent names another)"));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Unreachable(absl::StrCat("no answer from percpud-fleet at ", Printable(address),
                                      " in time (--timeout allows more)"));
    default:
      return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
  }
}

// A view of thousands of hosts is larger than what gRPC takes by itself.
grpc::ChannelArguments Arguments() {
  constexpr int kMostBytes = 64 << 20;
  grpc::ChannelArguments out;
  out.SetMaxReceiveMessageSize(kMostBytes);
  return out;
}

// Calls `method` of the service at that address.
template <typename Service, typename Request, typename Response>
absl::StatusOr<Response> Call(const std::string& address, absl::Duration timeout,
                              grpc::Status (Service::StubInterface::*method)(grpc::ClientContext*,
                                                                             const Request&,
                                                                             Response*),
                              const Request& request) {
  const std::unique_ptr<typename Service::StubInterface> stub = Service::NewStub(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), Arguments()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  Response response;
  const grpc::Status status = ((*stub).*method)(&context, request, &response);
  if (!status.ok()) return ToStatus(status, address);
  return response;
}

// Who runs this, as the host knows them.
std::string UserName() {
  const passwd* const entry = getpwuid(getuid());
  return entry == nullptr ? absl::StrCat("uid ", getuid()) : entry->pw_name;
}

std::string AdminAddress(const std::string& address) { return absl::StrCat(address, ".admin"); }

}  // namespace

absl::StatusOr<v1::View> FleetAgent::ListHosts() const {
  auto response = Call<v1::FleetService>(
      address_, timeout_, &v1::FleetService::StubInterface::ListHosts, v1::ListHostsRequest());
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_view());
}

absl::StatusOr<v1::GetStatusResponse> FleetAgent::GetStatus() const {
  return Call<v1::FleetService>(address_, timeout_, &v1::FleetService::StubInterface::GetStatus,
                                v1::GetStatusRequest());
}

absl::StatusOr<v1::PlaceResponse> FleetAgent::Place(const std::string& key,
                                                    std::uint32_t count) const {
  v1::PlaceRequest request;
  request.set_key(key);
  request.set_count(count);
  return Call<v1::FleetService>(address_, timeout_, &v1::FleetService::StubInterface::Place,
                                request);
}

absl::StatusOr<std::string> FleetAgent::GetTargets() const {
  auto response = Call<v1::FleetService>(
      address_, timeout_, &v1::FleetService::StubInterface::GetTargets, v1::GetTargetsRequest());
  if (!response.ok()) return response.status();
  return response->text();
}

absl::StatusOr<v1::SumFamilyResponse> FleetAgent::SumFamily(
    const v1::SumFamilyRequest& request) const {
  return Call<v1::FleetReadingService>(address_, timeout_,
                                       &v1::FleetReadingService::StubInterface::SumFamily, request);
}

absl::StatusOr<v1::SumVariablesResponse> FleetAgent::SumVariables(
    const v1::SumVariablesRequest& request) const {
  return Call<v1::FleetReadingService>(
      address_, timeout_, &v1::FleetReadingService::StubInterface::SumVariables, request);
}

absl::Status FleetAgent::Drain(const std::string& host, const std::string& reason) const {
  v1::DrainRequest request;
  request.set_host(host);
  request.set_by(UserName());
  request.set_reason(reason);
  return Call<v1::FleetAdminService>(AdminAddress(address_), timeout_,
                                     &v1::FleetAdminService::StubInterface::Drain, request)
      .status();
}

absl::Status FleetAgent::Undrain(const std::string& host) const {
  v1::UndrainRequest request;
  request.set_host(host);
  return Call<v1::FleetAdminService>(AdminAddress(address_), timeout_,
                                     &v1::FleetAdminService::StubInterface::Undrain, request)
      .status();
}

}  // namespace percpu::cli
