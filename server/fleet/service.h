// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_SERVICE_H_
#define PERCPUD_SERVER_FLEET_SERVICE_H_

#include <functional>
#include <string>

#include "percpud/fleet/v1/fleet.grpc.pb.h"
#include "server/base/clock.h"
#include "server/fleet/directory.h"
#include "server/fleet/etcd.h"
#include "server/fleet/names.h"

namespace percpud::fleet {

// Answers from the view. Thread safe.
class FleetServiceImpl final : public v1::FleetService::Service {
 public:
  // Says how the agent is, all but what the view says.
  using Describe = std::function<v1::GetStatusResponse()>;

  // `directory` outlives it.
  FleetServiceImpl(const Directory& directory, Describe describe)
      : directory_(directory), describe_(std::move(describe)) {}

  grpc::Status ListHosts(grpc::ServerContext*, const v1::ListHostsRequest* request,
                         v1::ListHostsResponse* response) override;
  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest* request,
                         v1::GetStatusResponse* response) override;
  grpc::Status Place(grpc::ServerContext*, const v1::PlaceRequest* request,
                     v1::PlaceResponse* response) override;
  grpc::Status GetTargets(grpc::ServerContext*, const v1::GetTargetsRequest* request,
                          v1::GetTargetsResponse* response) override;

 private:
  const Directory& directory_;
  const Describe describe_;
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
