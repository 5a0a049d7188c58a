// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/callers.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/percpud/abi/v1/tls_peer.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/base/status_macros.h"
#include "server/session/access/peer.h"
#include "server/session/access/short_of_memory.h"

namespace percpud {
namespace {

bool IsAddress(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// The one value of a key; nullopt if there is none, or several.
std::optional<absl::string_view> OnlyValue(const grpc::ServerContextBase& context,
                                           const char* key) {
  const auto& metadata = context.client_metadata();
  if (metadata.count(key) != 1) return std::nullopt;
  const grpc::string_ref value = metadata.find(key)->second;
  return absl::string_view(value.data(), value.size());
}

}  // namespace

void Callers::SetRules(AccessRules rules, CertificateRules certificates, ExportRules exports) {
  exports_.SetRules(std::move(exports));
  RankedLock lock(&mu_);
  rules_ = std::move(rules);
  certificates_ = std::move(certificates);
}

std::optional<Callers::Remote> Callers::ReadNamed(absl::string_view value) {
  Remote out;
  if (absl::ConsumePrefix(&value, abi::v1::kPlainPeer)) {
    out.proof = Remote::Proof::kNone;
  } else if (absl::ConsumePrefix(&value, abi::v1::kTlsStranger)) {
    out.proof = Remote::Proof::kNoCertificate;
  } else if (absl::ConsumePrefix(&value, abi::v1::kTlsPeer)) {
    out.proof = Remote::Proof::kCertificate;
  } else {
    return std::nullopt;
  }
  out.host = std::string(value);
  const bool is_good = out.proof == Remote::Proof::kCertificate ? CertificateRules::Speaks(value)
                                                                : IsAddress(out.host);
  return is_good ? std::optional(std::move(out)) : std::nullopt;
}

Role Callers::RoleOf(const Remote& remote) const {
  RankedLock lock(&mu_);
  switch (remote.proof) {
    case Remote::Proof::kKernel:
      return rules_.RoleOf(remote.peer);
    case Remote::Proof::kNone:
      return std::min(rules_.RoleOf(std::nullopt), Role::kViewer);
    case Remote::Proof::kCertificate:
      return certificates_.RoleOf(remote.host);
    case Remote::Proof::kNoCertificate:
      break;
  }
  return Role::kAnonymous;
}

int Callers::Adopt(int fd, Origin origin) {
  auto remote = std::make_shared<Remote>(
      Remote{.peer = AskPeer(fd), .host = HostOf(fd), .account = nullptr, .origin = origin});
  remote->account = peers_.AccountOf(NameOf(*remote));
  RankedLock lock(&mu_);
  const int moved = numbers_.Renumber(UniqueFd(fd)).release();
  remotes_.insert_or_assign(moved, std::move(remote));
  return moved;
}

std::string Callers::NameOf(const Remote& remote) {
  return remote.peer ? absl::StrCat("uid ", remote.peer->uid.value()) : remote.host;
}

std::shared_ptr<const Callers::Remote> Callers::RemoteOf(
    const grpc::ServerContextBase& context) const {
  const std::string name = context.peer();
  absl::string_view number = name;
  int fd = 0;
  if (!absl::ConsumePrefix(&number, "fd:") || !absl::SimpleAtoi(number, &fd)) return nowhere_;
  RankedLock lock(&mu_);
  const auto remote = remotes_.find(fd);
  return remote == remotes_.end() ? nowhere_ : remote->second;
}

absl::StatusOr<std::shared_ptr<const Callers::Remote>> Callers::PeerOf(
    const grpc::ServerContextBase& context) const {
  std::shared_ptr<const Remote> remote = RemoteOf(context);
  if (remote->origin != Origin::kGateway) {
    if (context.client_metadata().count(abi::v1::kOnBehalfKey) == 0) return remote;
    return errors::OnlyTheGateway(abi::v1::kOnBehalfKey);
  }
  const absl::string_view named = OnlyValue(context, abi::v1::kOnBehalfKey).value_or("");
  std::optional<Remote> peer = ReadNamed(named);
  if (!peer) return errors::PeerNotNamed(named);
  peer->account = peers_.AccountOf(peer->host);
  return std::make_shared<const Remote>(*std::move(peer));
}

absl::StatusOr<Caller> Callers::Of(const grpc::ServerContextBase& context) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Remote> peer, PeerOf(context));
  return CallerOf(context, *peer);
}

bool Callers::MayUseTokenOf(const Caller& owner, const Remote& remote) {
  switch (remote.proof) {
    case Remote::Proof::kKernel:
      // A caller in this process has no user.
      return !remote.peer || owner.uid == remote.peer->uid;
    case Remote::Proof::kCertificate:
      return owner.identity() == Identity{.uid = kNobody, .host = remote.host};
    case Remote::Proof::kNone:
    case Remote::Proof::kNoCertificate:
      break;
  }
  return false;
}

absl::StatusOr<Caller> Callers::CallerOf(const grpc::ServerContextBase& context,
                                         const Remote& remote) const {
  const auto& metadata = context.client_metadata();
  if (const auto entry = metadata.find(abi::v1::kTokenKey); entry != metadata.end()) {
    Token token{};
    if (entry->second.size() != token.size()) return errors::TokenUnknown();
    std::copy(entry->second.begin(), entry->second.end(), token.begin());
    const std::optional<Caller> caller = sessions_.Find(token);
    if (!caller || !MayUseTokenOf(*caller, remote)) return errors::TokenUnknown();
    return *caller;
  }
  return Caller{.role = RoleOf(remote),
                .session = kNoSession,
                .uid = remote.peer ? remote.peer->uid : kNobody,
                .request = kNoRequest,
                .host = remote.host};
}

absl::StatusOr<AdmittedCall> Callers::Admit(Rpc rpc, const grpc::ServerContextBase& context) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Remote> remote, PeerOf(context));
  AdmittedCall out;
  ASSIGN_OR_RETURN(out.caller, CallerOf(context, *remote));
  RETURN_IF_ERROR(CheckRole(rpc, out.caller));
  RETURN_IF_ERROR(CheckMemory(rpc));
  out.place = PeerAccount::TakeCall(remote->account, kMaxCallsPerPeer);
  if (!out.place.taken()) return errors::TooManyCalls(kMaxCallsPerPeer);
  return out;
}

}  // namespace percpud
