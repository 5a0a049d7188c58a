// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/grpc_etcd.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "etcdserverpb/etcd.grpc.pb.h"
#include "server/base/status_macros.h"
#include "server/fleet/grpc_watch.h"
#include "server/fleet/words.h"

namespace percpud::fleet {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(2);

}  // namespace

template <typename Call>
absl::Status GrpcEtcd::AtMember(absl::Duration patience, const Call& call) {
  ASSIGN_OR_RETURN(const Endpoints::Member member, endpoints_.Current());
  grpc::ClientContext context;
  AskForLeader(context);
  const Deadlines::Watched watched(deadlines_, context, std::min(patience, kPatience));
  const grpc::Status status = call(context, member.channel);
  if (status.ok()) return absl::OkStatus();
  endpoints_.Failed(member.index);
  return FromEtcd(status);
}

absl::StatusOr<EtcdLease> GrpcEtcd::Grant(absl::Duration ttl) {
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl(absl::ToInt64Seconds(ttl));
  etcdserverpb::LeaseGrantResponse response;
  RETURN_IF_ERROR(AtMember(kPatience, [&](auto& context, const auto& channel) {
    return etcdserverpb::Lease::NewStub(channel)->LeaseGrant(&context, request, &response);
  }));
  if (!response.error().empty()) return absl::UnavailableError(Words(response.error()));
  return EtcdLease{.id = response.id(), .ttl = absl::Seconds(response.ttl())};
}

absl::StatusOr<absl::Duration> GrpcEtcd::KeepAlive(std::int64_t lease, absl::Duration patience) {
  etcdserverpb::LeaseKeepAliveRequest request;
  request.set_id(lease);
  etcdserverpb::LeaseKeepAliveResponse response;
  // A stream for each: what is not answered is over, and the next one may go elsewhere.
  RETURN_IF_ERROR(AtMember(patience, [&](auto& context, const auto& channel) {
    const auto stub = etcdserverpb::Lease::NewStub(channel);
    const auto stream = stub->LeaseKeepAlive(&context);
    const bool answered = stream->Write(request) && stream->Read(&response);
    // With the answer at hand the stream's end does not matter, and is not waited for.
    if (answered) context.TryCancel();
    const grpc::Status end = stream->Finish();
    if (answered) return grpc::Status::OK;
    return end.ok() ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "no answer") : end;
  }));
  return absl::Seconds(response.ttl());
}

absl::Status GrpcEtcd::Revoke(std::int64_t lease) {
  etcdserverpb::LeaseRevokeRequest request;
  request.set_id(lease);
  etcdserverpb::LeaseRevokeResponse response;
  return AtMember(kPatience, [&](auto& context, const auto& channel) {
    return etcdserverpb::Lease::NewStub(channel)->LeaseRevoke(&context, request, &response);
  });
}

absl::StatusOr<EtcdListing> GrpcEtcd::List(const std::string& prefix) {
  etcdserverpb::RangeRequest request;
  request.set_key(prefix);
  request.set_range_end(EndOfPrefix(prefix));
  etcdserverpb::RangeResponse response;
  RETURN_IF_ERROR(AtMember(kPatience, [&](auto& context, const auto& channel) {
    return etcdserverpb::KV::NewStub(channel)->Range(&context, request, &response);
  }));
  EtcdListing out{.entries = {},
                  .cluster_id = response.header().cluster_id(),
                  .revision = response.header().revision()};
  for (etcdserverpb::KeyValue& each : *response.mutable_kvs()) {
    out.entries.push_back(ToStored(std::move(each)));
  }
  return out;
}

absl::StatusOr<std::unique_ptr<EtcdWatch>> GrpcEtcd::Watch(const std::string& prefix,
                                                           std::int64_t revision) {
  ASSIGN_OR_RETURN(Endpoints::Member member, endpoints_.Current());
  return std::make_unique<GrpcWatch>(endpoints_, std::move(member), prefix, revision);
}

absl::StatusOr<etcdserverpb::TxnResponse> GrpcEtcd::Transact(
    const etcdserverpb::TxnRequest& request) {
  etcdserverpb::TxnResponse response;
  RETURN_IF_ERROR(AtMember(kPatience, [&](auto& context, const auto& channel) {
    return etcdserverpb::KV::NewStub(channel)->Txn(&context, request, &response);
  }));
  return response;
}

absl::StatusOr<EtcdPut> GrpcEtcd::PutIf(std::int64_t mod_revision, const std::string& key,
                                        const std::string& value, std::int64_t lease) {
  etcdserverpb::TxnRequest request;
  etcdserverpb::Compare& compare = *request.add_compare();
  compare.set_key(key);
  compare.set_result(etcdserverpb::Compare::EQUAL);
  if (mod_revision == 0) {
    compare.set_target(etcdserverpb::Compare::CREATE);
    compare.set_create_revision(0);
  } else {
    compare.set_target(etcdserverpb::Compare::MOD);
    compare.set_mod_revision(mod_revision);
  }
  etcdserverpb::PutRequest& put = *request.add_success()->mutable_request_put();
  put.set_key(key);
  put.set_value(value);
  put.set_lease(lease);
  request.add_failure()->mutable_request_range()->set_key(key);
  ASSIGN_OR_RETURN(etcdserverpb::TxnResponse response, Transact(request));
  EtcdPut out{.done = response.succeeded(), .revision = response.header().revision(), .found = {}};
  if (out.done || response.responses().empty()) return out;
  auto& found = *response.mutable_responses(0)->mutable_response_range();
  if (!found.kvs().empty()) out.found = ToStored(std::move(*found.mutable_kvs(0)));
  return out;
}

absl::Status GrpcEtcd::Put(const std::string& key, const std::string& value) {
  etcdserverpb::TxnRequest request;
  etcdserverpb::PutRequest& put = *request.add_success()->mutable_request_put();
  put.set_key(key);
  put.set_value(value);
  return Transact(request).status();
}

absl::StatusOr<bool> GrpcEtcd::Delete(const std::string& key) {
  etcdserverpb::TxnRequest request;
  request.add_success()->mutable_request_delete_range()->set_key(key);
  ASSIGN_OR_RETURN(const etcdserverpb::TxnResponse response, Transact(request));
  return !response.responses().empty() &&
         response.responses(0).response_delete_range().deleted() > 0;
}

}  // namespace percpud::fleet
