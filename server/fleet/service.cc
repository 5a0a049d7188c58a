// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/fleet/file_sd.h"
#include "server/fleet/records.h"

namespace percpud::fleet {
namespace {

constexpr std::uint32_t kMostPlaced = 1000;

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

// Every error of etcd is alike.
grpc::Status NotTaken(const absl::Status& status) {
  return {grpc::StatusCode::ABORTED, std::string(status.message())};
}

}  // namespace

v1::GetStatusResponse FleetAnswers::GetStatus() const {
  v1::GetStatusResponse out = describe_();
  const v1::View view = directory_.View();
  std::uint32_t lost = 0;
  std::uint32_t drained = static_cast<std::uint32_t>(view.other_drains_size());
  for (const v1::Host& host : view.hosts()) {
    if (host.state() == v1::HOST_STATE_LOST) ++lost;
    if (host.has_drain()) ++drained;
  }
  out.set_hosts_up(static_cast<std::uint32_t>(view.hosts_size()) - lost);
  out.set_hosts_lost(lost);
  out.set_hosts_drained(drained);
  if (view.has_stale_since()) *out.mutable_stale_since() = view.stale_since();
  out.set_mass_loss(view.mass_loss());
  out.set_epoch(view.epoch());
  const absl::Status problem = directory_.problem();
  out.set_watching(problem.ok());
  out.set_watch_problem(std::string(problem.message()));
  return out;
}

std::string FleetAnswers::GetTargets() const { return ToFileSd(directory_.View()); }

grpc::Status FleetAnswers::Place(const v1::PlaceRequest& request,
                                 v1::PlaceResponse& response) const {
  if (request.key().empty()) return {grpc::StatusCode::INVALID_ARGUMENT, "key is empty"};
  if (request.count() > kMostPlaced) {
    return {
        grpc::StatusCode::INVALID_ARGUMENT,
        absl::StrCat("count is ", request.count(), ", and at most ", kMostPlaced, " is allowed")};
  }
  response = directory_.Place(request.key(), std::max(request.count(), 1U));
  return grpc::Status::OK;
}

grpc::ServerUnaryReactor* FleetServiceImpl::Answer(grpc::CallbackServerContext& context,
                                                   google::protobuf::Message& response, Fill fill) {
  const UnreadAnswers::Admitted admitted = unread_.Admit(context);
  if (!admitted.may_answer || !admitted.turn->Begin()) return admitted.reactor;
  const grpc::Status status = fill();
  admitted.reactor->Finish(unread_.Hold(*admitted.turn, status, response));
  return admitted.reactor;
}

grpc::ServerUnaryReactor* FleetServiceImpl::ListHosts(grpc::CallbackServerContext* context,
                                                      const v1::ListHostsRequest* /*request*/,
                                                      v1::ListHostsResponse* response) {
  return Answer(*context, *response, [&] {
    *response->mutable_view() = answers_.ListHosts();
    return grpc::Status::OK;
  });
}

grpc::ServerUnaryReactor* FleetServiceImpl::GetStatus(grpc::CallbackServerContext* context,
                                                      const v1::GetStatusRequest* /*request*/,
                                                      v1::GetStatusResponse* response) {
  return Answer(*context, *response, [&] {
    *response = answers_.GetStatus();
    return grpc::Status::OK;
  });
}

grpc::ServerUnaryReactor* FleetServiceImpl::Place(grpc::CallbackServerContext* context,
                                                  const v1::PlaceRequest* request,
                                                  v1::PlaceResponse* response) {
  return Answer(*context, *response, [&] { return answers_.Place(*request, *response); });
}

grpc::ServerUnaryReactor* FleetServiceImpl::GetTargets(grpc::CallbackServerContext* context,
                                                       const v1::GetTargetsRequest* /*request*/,
                                                       v1::GetTargetsResponse* response) {
  return Answer(*context, *response, [&] {
    response->set_text(answers_.GetTargets());
    return grpc::Status::OK;
  });
}

grpc::Status FleetAdminServiceImpl::Drain(grpc::ServerContext*, const v1::DrainRequest* request,
                                          v1::DrainResponse*) {
  if (absl::Status status = CheckName("host", request->host()); !status.ok()) {
    return ToGrpc(status);
  }
  if (request->reason().size() > kMaxReason || request->by().size() > kMaxReason) {
    return {grpc::StatusCode::INVALID_ARGUMENT,
            absl::StrCat("reason has ", std::max(request->reason().size(), request->by().size()),
                         " bytes, and at most ", kMaxReason, " are allowed")};
  }
  v1::DrainMark mark;
  mark.set_by(request->by());
  mark.set_reason(request->reason());
  *mark.mutable_at() = ToTimestamp(absl::Now());
  const absl::Status status = etcd_.Put(keys_.Drain(request->host()), ToJson(mark));
  return status.ok() ? grpc::Status::OK : NotTaken(status);
}

grpc::Status FleetAdminServiceImpl::Undrain(grpc::ServerContext*, const v1::UndrainRequest* request,
                                            v1::UndrainResponse*) {
  if (absl::Status status = CheckName("host", request->host()); !status.ok()) {
    return ToGrpc(status);
  }
  const absl::StatusOr<bool> was_there = etcd_.Delete(keys_.Drain(request->host()));
  if (!was_there.ok()) return NotTaken(was_there.status());
  if (*was_there) return grpc::Status::OK;
  return {grpc::StatusCode::NOT_FOUND,
          absl::StrCat("host \"", request->host(), "\" is not drained")};
}

}  // namespace percpud::fleet
