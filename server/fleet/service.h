// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_SERVICE_H_
#define PERCPUD_SERVER_FLEET_SERVICE_H_

#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "percpud/fleet/v1/fleet.grpc.pb.h"
#include "server/base/clock.h"
#include "server/fleet/directory.h"
#include "server/fleet/etcd.h"
#include "server/fleet/names.h"
#include "server/fleet/unread_answers.h"

namespace percpud::fleet {

// Answers from the view. Thread safe.
class FleetAnswers {
 public:
  // Says how the agent is, all but what the view says.
  using Describe = std::function<v1::GetStatusResponse()>;

  // `directory` outlives it.
  FleetAnswers(const Directory& directory, Describe describe)
      : directory_(directory), describe_(std::move(describe)) {}

  [[nodiscard]] v1::View ListHosts() const { return directory_.View(); }
  [[nodiscard]] v1::GetStatusResponse GetStatus() const;
  // The file of targets.
  [[nodiscard]] std::string GetTargets() const;
  grpc::Status Place(const v1::PlaceRequest& request, v1::PlaceResponse& response) const;

 private:
  const Directory& directory_;
  const Describe describe_;
};

// Gives these answers. By callbacks: no thread waits for who does not read. Thread safe.
class FleetServiceImpl final : public v1::FleetService::CallbackService {
 public:
  // `unread` outlives it.
  FleetServiceImpl(FleetAnswers answers, UnreadAnswers& unread)
      : answers_(std::move(answers)), unread_(unread) {}

  grpc::ServerUnaryReactor* ListHosts(grpc::CallbackServerContext* context,
                                      const v1::ListHostsRequest* request,
                                      v1::ListHostsResponse* response) override;
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override;
  grpc::ServerUnaryReactor* Place(grpc::CallbackServerContext* context,
                                  const v1::PlaceRequest* request,
                                  v1::PlaceResponse* response) override;
  grpc::ServerUnaryReactor* GetTargets(grpc::CallbackServerContext* context,
                                       const v1::GetTargetsRequest* request,
                                       v1::GetTargetsResponse* response) override;

 private:
  using Fill = absl::FunctionRef<grpc::Status()>;

  // Answers with what `fill` writes into `response`, or refuses the call before anything is made.
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext& context,
                                   google::protobuf::Message& response, Fill fill);

  const FleetAnswers answers_;
  UnreadAnswers& unread_;
};

// Writes marks to etcd. Thread safe.
class FleetAdminServiceImpl final : public v1::FleetAdminService::Service {
 public:
  // `etcd` outlives it.
  FleetAdminServiceImpl(Keys keys, Etcd& etcd) : keys_(std::move(keys)), etcd_(etcd) {}

  grpc::Status Drain(grpc::ServerContext*, const v1::DrainRequest* request,
                     v1::DrainResponse* response) override;
  grpc::Status Undrain(grpc::ServerContext*, const v1::UndrainRequest* request,
                       v1::UndrainResponse* response) override;

 private:
  const Keys keys_;
  Etcd& etcd_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_SERVICE_H_
