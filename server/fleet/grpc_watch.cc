// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/grpc_watch.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/fleet/words.h"

namespace percpud::fleet {

void AskForLeader(grpc::ClientContext& context) { context.AddMetadata("hasleader", "true"); }

absl::Status FromEtcd(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat("etcd: ", Words(status.error_message())));
}

EtcdStored ToStored(etcdserverpb::KeyValue&& kv) {
  return {.key = std::move(*kv.mutable_key()),
          .value = std::move(*kv.mutable_value()),
          .mod_revision = kv.mod_revision()};
}

std::string EndOfPrefix(std::string prefix) {
  // Our prefixes end in a slash.
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

GrpcWatch::GrpcWatch(Endpoints& endpoints, Endpoints::Member member, const std::string& prefix,
                     std::int64_t revision)
    : endpoints_(endpoints),
      member_(std::move(member)),
      stub_(etcdserverpb::Watch::NewStub(member_.channel)) {
  AskForLeader(context_);
  stream_ = stub_->Watch(&context_);
  etcdserverpb::WatchRequest request;
  etcdserverpb::WatchCreateRequest& create = *request.mutable_create_request();
  create.set_key(prefix);
  create.set_range_end(EndOfPrefix(prefix));
  create.set_start_revision(revision);
  // If it could not be written, Next says why.
  stream_->Write(request);
}

GrpcWatch::~GrpcWatch() {
  if (is_over_) return;
  context_.TryCancel();
  stream_->Finish();
}

absl::StatusOr<EtcdNews> GrpcWatch::Next() {
  etcdserverpb::WatchResponse response;
  if (is_over_ || !stream_->Read(&response)) return End("the watch has ended");
  if (response.canceled() || response.compact_revision() != 0) {
    return End(absl::StrCat("the watch was canceled: ", Words(response.cancel_reason()),
                            ", compacted at ", response.compact_revision()));
  }
  EtcdNews out{.events = {},
               .cluster_id = response.header().cluster_id(),
               .revision = response.header().revision()};
  for (etcdserverpb::Event& each : *response.mutable_events()) {
    out.events.push_back({.stored = ToStored(std::move(*each.mutable_kv())),
                          .is_delete = each.type() == etcdserverpb::Event::DELETE});
  }
  return out;
}

absl::Status GrpcWatch::End(const std::string& why) {
  if (is_over_) return absl::UnavailableError(why);
  is_over_ = true;
  context_.TryCancel();
  const grpc::Status status = stream_->Finish();
  endpoints_.Failed(member_.index);
  if (status.ok() || status.error_code() == grpc::StatusCode::CANCELLED) {
    return absl::UnavailableError(absl::StrCat("etcd: ", why));
  }
  return FromEtcd(status);
}

}  // namespace percpud::fleet
