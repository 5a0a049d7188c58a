// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/reading_service.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "percpud/v1/reading.pb.h"
#include "proto/percpud/v1/status_details.h"
#include "server/base/status_macros.h"
#include "server/fleet/family_sum.h"
#include "server/fleet/records.h"
#include "server/fleet/variable_sums.h"
#include "server/fleet/words.h"

namespace percpud::fleet {
namespace {

namespace wire = percpud::v1;

constexpr char kReadFamily[] = "/percpud.v1.ReadingService/ReadFamily";
constexpr char kReadVariables[] = "/percpud.v1.ReadingService/ReadVariables";
constexpr absl::Duration kUsualPatience = absl::Seconds(1);
constexpr absl::Duration kLeastPatience = absl::Milliseconds(10);
constexpr absl::Duration kMostPatience = absl::Seconds(60);
// What is left of a caller's deadline for adding up and telling, and at most a tenth of it.
constexpr absl::Duration kForTelling = absl::Milliseconds(100);
constexpr int kPageSize = 1000;
constexpr std::size_t kMostName = 1024;

// Tells the agent's own word from gRPC's, for callers: that hosts cannot be reached from that the
// agent cannot.
constexpr char kReason[] = "HOSTS_MISSING";

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const bool is_missing = absl::IsUnavailable(status) || absl::IsPermissionDenied(status);
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
          wire::MakeStatusDetails(status, is_missing ? kReason : "")};
}

absl::Duration PatienceOf(const v1::Asking& asking) {
  if (!asking.has_deadline()) return kUsualPatience;
  return absl::Seconds(asking.deadline().seconds()) + absl::Nanoseconds(asking.deadline().nanos());
}

absl::Status CheckPatience(const v1::Asking& asking) {
  const absl::Duration patience = PatienceOf(asking);
  if (patience >= kLeastPatience && patience <= kMostPatience) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "deadline: ", absl::FormatDuration(patience), " is not from ",
      absl::FormatDuration(kLeastPatience), " to ", absl::FormatDuration(kMostPatience)));
}

absl::Status CheckText(absl::string_view field, const std::string& text) {
  if (text.size() <= kMostName) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": has ", text.size(), " bytes, and at most ", kMostName, " are allowed"));
}

grpc::Status TooManyWait() {
  return {grpc::StatusCode::RESOURCE_EXHAUSTED,
          absl::StrCat("sums: the user has ", Turns::kMostWaiting,
                       " waiting for their turn, which is the limit")};
}

google::protobuf::Duration ToDuration(absl::Duration duration) {
  google::protobuf::Duration out;
  out.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  out.set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(duration)));
  return out;
}

absl::Status Check(const v1::SumFamilyRequest& request) {
  absl::Status status = CheckPatience(request.asking());
  status.Update(CheckText("namespace", request.namespace_()));
  status.Update(CheckText("family", request.family()));
  if (request.family().empty()) status.Update(absl::InvalidArgumentError("family: is empty"));
  return status;
}

absl::Status Check(const v1::SumVariablesRequest& request) {
  absl::Status status = CheckPatience(request.asking());
  status.Update(CheckText("prefix", request.prefix()));
  status.Update(CheckText("name", request.name()));
  if (!request.name().empty() && !request.prefix().empty()) {
    status.Update(absl::InvalidArgumentError("prefix: is of no use with a name"));
  }
  return status;
}

}  // namespace

template <typename Response, typename Request, typename Add>
absl::Status FleetSums::AskAll(const char* method, const Request& request, const v1::Asking& asking,
                               Add add, v1::Round& round) const {
  const v1::View view = directory_.View();
  *round.mutable_as_of() = ToTimestamp(absl::Now());
  round.set_epoch(view.epoch());
  if (view.has_stale_since()) *round.mutable_stale_since() = view.stale_since();
  const BootTime begin = clock_.Now();
  Judge judge;
  absl::Status first_refusal;
  FanOut<Request, Response> out(channels_, deadlines_, clock_, method);
  const absl::Duration patience = PatienceOf(asking);
  out.Ask(view, request, patience - std::min(patience / 10, kForTelling),
          [&](const HostAnswer<Response>& answer) {
            if (!judge.Hear(answer.host, answer.status) || !answer.status.ok()) return;
            const absl::Status added = add(answer.host, answer.pages);
            if (added.ok()) return;
            first_refusal.Update(added);
            judge.Drop(answer.host, added);
          });
  if (!asking.available() && !first_refusal.ok()) {
    return {first_refusal.code(), Words(first_refusal.message())};
  }
  *round.mutable_took() = ToDuration(clock_.Now() - begin);
  judge.WriteTo(round);
  return judge.Verdict(asking.available());
}

absl::Status FleetSums::FindFamily(const v1::SumFamilyRequest& request,
                                   v1::SumFamilyResponse& response) const {
  RETURN_IF_ERROR(Check(request));
  wire::ReadFamilyRequest question;
  question.set_namespace_(request.namespace_());
  question.set_family(request.family());
  question.set_page_size(kPageSize);
  FamilySum sum(request.asking().by_host());
  RETURN_IF_ERROR(AskAll<wire::ReadFamilyResponse>(
      kReadFamily, question, request.asking(),
      [&sum](const std::string& host, const auto& pages) { return sum.Add(host, pages); },
      *response.mutable_round()));
  if (sum.is_empty()) {
    return absl::NotFoundError(
        absl::StrCat("family: no host has a family ", request.family(), " in that namespace"));
  }
  sum.WriteTo(response);
  // The name that was asked for, whatever a host calls it.
  response.mutable_shape()->set_name(request.family());
  return absl::OkStatus();
}

absl::Status FleetSums::FindVariables(const v1::SumVariablesRequest& request,
                                      v1::SumVariablesResponse& response) const {
  RETURN_IF_ERROR(Check(request));
  wire::ReadVariablesRequest question;
  question.set_prefix(request.prefix());
  if (!request.name().empty()) question.add_names(request.name());
  question.set_page_size(kPageSize);
  VariableSums sums(request.asking().by_host());
  RETURN_IF_ERROR(AskAll<wire::ReadVariablesResponse>(
      kReadVariables, question, request.asking(),
      [&sums](const std::string& host, const auto& pages) { return sums.Add(host, pages); },
      *response.mutable_round()));
  sums.WriteTo(response);
  return absl::OkStatus();
}

bool FleetSums::Join(const v1::SumFamilyRequest& request, const Told<v1::SumFamilyResponse>& told) {
  return families_.Join(request.SerializeAsString(), told);
}

bool FleetSums::Join(const v1::SumVariablesRequest& request,
                     const Told<v1::SumVariablesResponse>& told) {
  return variables_.Join(request.SerializeAsString(), told);
}

void FleetSums::Find(const v1::SumFamilyRequest& request, const Told<v1::SumFamilyResponse>& told) {
  const auto find = [&] {
    FoundSum<v1::SumFamilyResponse> out;
    out.status = ToGrpc(FindFamily(request, out.response));
    return out;
  };
  families_.Find(request.SerializeAsString(), find, told);
}

void FleetSums::Find(const v1::SumVariablesRequest& request,
                     const Told<v1::SumVariablesResponse>& told) {
  const auto find = [&] {
    FoundSum<v1::SumVariablesResponse> out;
    out.status = ToGrpc(FindVariables(request, out.response));
    return out;
  };
  variables_.Find(request.SerializeAsString(), find, told);
}

template <typename Request, typename Response>
grpc::ServerUnaryReactor* FleetReadingServiceImpl::Answer(grpc::CallbackServerContext& context,
                                                          const Request& request,
                                                          Response& response) {
  using Found = FoundSum<Response>;
  const UnreadAnswers::Admitted admitted = unread_.Admit(context);
  if (!admitted.may_answer) return admitted.reactor;
  const auto tell = [this, admitted, &response](const Found& found) {
    // It is others' answer, too.
    if (found.status.ok()) response = found.response;
    admitted.reactor->Finish(unread_.Hold(*admitted.turn, found.status, response));
  };
  const bool is_shared = sums_.Join(request, [admitted, tell](const Found& found) {
    if (admitted.turn->Begin()) tell(found);
  });
  if (is_shared) return admitted.reactor;
  const SlowLane::Payer payer = payers_.Of(context.peer());
  Turns& turns = Payers::IsRoot(payer) ? roots_ : rounds_;
  const bool may_wait = turns.Run(payer, [this, admitted, tell, &request] {
    if (admitted.turn->Begin()) sums_.Find(request, tell);
  });
  if (!may_wait && admitted.turn->Begin()) admitted.reactor->Finish(TooManyWait());
  return admitted.reactor;
}

grpc::ServerUnaryReactor* FleetReadingServiceImpl::SumFamily(grpc::CallbackServerContext* context,
                                                             const v1::SumFamilyRequest* request,
                                                             v1::SumFamilyResponse* response) {
  return Answer(*context, *request, *response);
}

grpc::ServerUnaryReactor* FleetReadingServiceImpl::SumVariables(
    grpc::CallbackServerContext* context, const v1::SumVariablesRequest* request,
    v1::SumVariablesResponse* response) {
  return Answer(*context, *request, *response);
}

}  // namespace percpud::fleet
