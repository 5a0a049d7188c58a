// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_GRPC_ETCD_H_
#define PERCPUD_SERVER_FLEET_GRPC_ETCD_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "etcdserverpb/etcd.pb.h"
#include "server/fleet/deadlines.h"
#include "server/fleet/endpoints.h"
#include "server/fleet/etcd.h"

namespace percpud::fleet {

// etcd over gRPC. Each call goes to the member in use and says that this member has to have a
// leader; a call that fails, however, is the member's failure. Thread safe.
class GrpcEtcd final : public Etcd {
 public:
  // Both outlive it and its watches.
  GrpcEtcd(Endpoints& endpoints, Deadlines& deadlines)
      : endpoints_(endpoints), deadlines_(deadlines) {}

  absl::StatusOr<EtcdLease> Grant(absl::Duration ttl) override;
  absl::StatusOr<absl::Duration> KeepAlive(std::int64_t lease, absl::Duration patience) override;
  absl::Status Revoke(std::int64_t lease) override;
  absl::StatusOr<EtcdListing> List(const std::string& prefix) override;
  absl::StatusOr<std::unique_ptr<EtcdWatch>> Watch(const std::string& prefix,
                                                   std::int64_t revision) override;
  absl::StatusOr<EtcdPut> PutIf(std::int64_t mod_revision, const std::string& key,
                                const std::string& value, std::int64_t lease) override;
  absl::Status Put(const std::string& key, const std::string& value) override;
  absl::StatusOr<bool> Delete(const std::string& key) override;

 private:
  // Calls `call(context, channel)` at the member in use, and turns to another if it fails.
  template <typename Call>
  absl::Status AtMember(absl::Duration patience, const Call& call);
  absl::StatusOr<etcdserverpb::TxnResponse> Transact(const etcdserverpb::TxnRequest& request);

  Endpoints& endpoints_;
  Deadlines& deadlines_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_GRPC_ETCD_H_
