// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the calls of percpud-fleet say on the wire.

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "percpu/fleet_connection.h"
#include "percpu/internal/address.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/fleet/convert.h"
#include "percpu/internal/wire/caller.h"
#include "percpu/reason.h"
#include "percpud/fleet/v1/fleet.grpc.pb.h"
#include "percpud/fleet/v1/reading.grpc.pb.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace fleet {
namespace {

using FleetStub = v1::FleetService::Stub;
using AdminStub = v1::FleetAdminService::Stub;
using ReadingStub = v1::FleetReadingService::Stub;
using wire::Repeat;

// Behind the path of the agent's socket: the one for what changes a fleet.
constexpr char kAdminSuffix[] = ".admin";
// What hosts may have for a sum.
constexpr absl::Duration kMostPatience = absl::Seconds(60);

// The agent at that address, with `suffix` behind its path.
wire::Target TargetOf(std::string_view agent, const char* suffix) {
  const absl::StatusOr<Address> parsed = Address::Parse(agent);
  wire::Target out{.name = std::string(agent), .tls = {}, .status = parsed.status()};
  if (parsed.ok() && !parsed->path.empty()) {
    out.name = absl::StrCat(parsed->target, suffix);
  } else if (parsed.ok()) {
    out.status = absl::InvalidArgumentError(
        absl::StrCat("agent: \"", out.name, "\" is not unix:PATH, where percpud-fleet serves"));
  }
  return out;
}

// Says which program does not answer, and what can be done about it. What the agent itself says has
// a reason, and stays as it is.
absl::Status InWords(const absl::Status& status, const std::string& address) {
  if (absl::IsUnavailable(status) && ReasonOf(status).empty()) {
    return absl::UnavailableError(
        absl::StrCat("percpud-fleet does not answer at ", address, ": ", status.message(),
                     "; systemctl status percpud-fleet says whether it runs"));
  }
  if (!absl::IsDeadlineExceeded(status)) return status;
  return absl::DeadlineExceededError(
      absl::StrCat("no answer from percpud-fleet at ", address, " in time"));
}

class GrpcFleetConnection final : public FleetConnection {
 public:
  GrpcFleetConnection(std::string_view agent, const CallOptions& options)
      : agent_(agent),
        admin_address_(absl::StrCat(agent_, kAdminSuffix)),
        caller_(TargetOf(agent, ""), options, nullptr, /*numbers=*/false),
        admin_(TargetOf(agent, kAdminSuffix), options, nullptr, /*numbers=*/false) {}

  absl::StatusOr<FleetView> ListHosts() override {
    const auto response = Ask(&FleetStub::AsyncListHosts, v1::ListHostsRequest());
    if (!response.ok()) return response.status();
    return FromProto(response->view());
  }

  absl::StatusOr<FleetStatus> GetStatus() override {
    const auto response = Ask(&FleetStub::AsyncGetStatus, v1::GetStatusRequest());
    if (!response.ok()) return response.status();
    return FromProto(*response);
  }

  absl::StatusOr<std::string> GetTargets() override {
    const auto response = Ask(&FleetStub::AsyncGetTargets, v1::GetTargetsRequest());
    if (!response.ok()) return response.status();
    return response->text();
  }

  absl::StatusOr<Placement> Place(std::string_view key, std::uint32_t count) override {
    v1::PlaceRequest request;
    request.set_key(std::string(key));
    request.set_count(count);
    const auto response = Ask(&FleetStub::AsyncPlace, request);
    if (!response.ok()) return response.status();
    return FromProto(*response);
  }

  absl::StatusOr<FamilySum> SumFamily(std::string_view family, const SumOptions& options) override {
    v1::SumFamilyRequest request;
    request.set_namespace_(options.name_space);
    request.set_family(std::string(family));
    *request.mutable_asking() = ToProto(options);
    const auto response = AskForSum(&ReadingStub::AsyncSumFamily, request, options);
    if (!response.ok()) return response.status();
    return FromProto(*response);
  }

  absl::StatusOr<VariablesSum> SumVariable(std::string_view name,
                                           const SumOptions& options) override {
    if (name.empty()) return absl::InvalidArgumentError("name: is empty");
    v1::SumVariablesRequest request;
    request.set_name(std::string(name));
    return SumVariables(std::move(request), options);
  }
  absl::StatusOr<VariablesSum> SumVariables(std::string_view prefix,
                                            const SumOptions& options) override {
    v1::SumVariablesRequest request;
    request.set_prefix(std::string(prefix));
    return SumVariables(std::move(request), options);
  }

  absl::Status Drain(std::string_view host, std::string_view by, std::string_view reason) override {
    v1::DrainRequest request;
    request.set_host(std::string(host));
    request.set_by(std::string(by));
    request.set_reason(std::string(reason));
    return InWords(admin_.Call(&AdminStub::AsyncDrain, request, Repeat::kSafe).status(),
                   admin_address_);
  }
  absl::Status Undrain(std::string_view host) override {
    v1::UndrainRequest request;
    request.set_host(std::string(host));
    return InWords(admin_.Call(&AdminStub::AsyncUndrain, request, Repeat::kUnsafe).status(),
                   admin_address_);
  }

 private:
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Ask(wire::Method<Stub, Request, Response> method,
                               const Request& request) {
    absl::StatusOr<Response> response = caller_.Call(method, request, Repeat::kSafe);
    if (!response.ok()) return InWords(response.status(), agent_);
    return response;
  }

  // The agent ends a user's connection where there are too many, so a sum is asked for once more,
  // in the time that is left, if the agent has not said a word. What it has said took its time, and
  // is final.
  template <typename Request, typename Response>
  absl::StatusOr<Response> AskForSum(wire::Method<ReadingStub, Request, Response> method,
                                     const Request& request, const SumOptions& options) {
    // More is the agent's to refuse; one that is frozen does not.
    const absl::Duration patience =
        std::clamp(options.deadline, absl::ZeroDuration(), kMostPatience);
    wire::Attempts attempts{.repeat = Repeat::kUnsafe, .more_time = patience};
    const Deadline::Clock::time_point begin = Deadline::Clock::now();
    absl::StatusOr<Response> response = caller_.Call(method, request, attempts);
    if (absl::IsUnavailable(response.status()) && ReasonOf(response.status()).empty()) {
      attempts.more_time = patience - absl::FromChrono(Deadline::Clock::now() - begin);
      response = caller_.Call(method, request, attempts);
    }
    if (!response.ok()) return InWords(response.status(), agent_);
    return response;
  }

  absl::StatusOr<VariablesSum> SumVariables(v1::SumVariablesRequest request,
                                            const SumOptions& options) {
    *request.mutable_asking() = ToProto(options);
    const auto response = AskForSum(&ReadingStub::AsyncSumVariables, request, options);
    if (!response.ok()) return response.status();
    return FromProto(*response);
  }

  const std::string agent_;
  const std::string admin_address_;
  wire::Caller caller_;
  wire::Caller admin_;
};

}  // namespace
}  // namespace fleet

std::shared_ptr<FleetConnection> MakeGrpcFleetConnection(std::string_view agent,
                                                         const CallOptions& options) {
  return std::make_shared<fleet::GrpcFleetConnection>(agent, options);
}

}  // namespace percpu
