// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_GRPC_WATCH_H_
#define PERCPUD_SERVER_FLEET_GRPC_WATCH_H_

#include <grpcpp/client_context.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "etcdserverpb/etcd.grpc.pb.h"
#include "server/fleet/endpoints.h"
#include "server/fleet/etcd.h"

namespace percpud::fleet {

// What all calls to etcd share: a member that has no leader is to say so.
void AskForLeader(grpc::ClientContext& context);
absl::Status FromEtcd(const grpc::Status& status);
EtcdStored ToStored(etcdserverpb::KeyValue&& kv);
// The first key behind all keys of the prefix.
std::string EndOfPrefix(std::string prefix);

// One stream of etcd's Watch.
class GrpcWatch final : public EtcdWatch {
 public:
  // `endpoints` outlives it.
  GrpcWatch(Endpoints& endpoints, Endpoints::Member member, const std::string& prefix,
            std::int64_t revision);
  ~GrpcWatch() override;
  GrpcWatch(const GrpcWatch&) = delete;
  GrpcWatch& operator=(const GrpcWatch&) = delete;

  absl::StatusOr<EtcdNews> Next() override;
  void Cancel() override { context_.TryCancel(); }

 private:
  // The stream is over, or of no more use.
  absl::Status End(const std::string& why);

  Endpoints& endpoints_;
  const Endpoints::Member member_;
  const std::unique_ptr<etcdserverpb::Watch::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<etcdserverpb::WatchRequest, etcdserverpb::WatchResponse>>
      stream_;
  bool is_over_ = false;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_GRPC_WATCH_H_
