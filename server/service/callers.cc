// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/callers.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/base/status_macros.h"
#include "server/session/access/peer.h"

namespace percpud {
namespace {

// The upper half of what numbers there may be; the lower is everybody else's.
struct NumberRange {
  int first;
  int end;
};

NumberRange Numbers() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const int end = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
  return {.first = end / 2, .end = end};
}

}  // namespace

void Callers::SetRules(AccessRules rules) {
  RankedLock lock(&mu_);
  rules_ = std::move(rules);
}

int Callers::Adopt(int fd) {
  const NumberRange numbers = Numbers();
  auto remote =
      std::make_shared<Remote>(Remote{.peer = AskPeer(fd), .host = HostOf(fd), .account = nullptr});
  remote->account = peers_.AccountOf(NameOf(*remote));
  RankedLock lock(&mu_);
  next_number_ = std::max(next_number_, numbers.first);
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, next_number_);
  // Past the end: round again.
  if (moved < 0) moved = fcntl(fd, F_DUPFD_CLOEXEC, numbers.first);
  if (moved >= 0) {
    close(fd);
    next_number_ = moved + 1 < numbers.end ? moved + 1 : numbers.first;
  } else {
    moved = fd;
  }
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

absl::StatusOr<Caller> Callers::Of(const grpc::ServerContextBase& context) const {
  return CallerOf(context, *RemoteOf(context));
}

absl::StatusOr<Caller> Callers::CallerOf(const grpc::ServerContextBase& context,
                                         const Remote& remote) const {
  const auto& metadata = context.client_metadata();
  if (const auto entry = metadata.find(abi::v1::kTokenKey); entry != metadata.end()) {
    Token token{};
    if (entry->second.size() != token.size()) return errors::TokenUnknown();
    std::copy(entry->second.begin(), entry->second.end(), token.begin());
    const std::optional<Caller> caller = sessions_.Find(token);
    if (!caller) return errors::TokenUnknown();
    return *caller;
  }
  RankedLock lock(&mu_);
  return Caller{.role = rules_.RoleOf(remote.peer),
                .session = kNoSession,
                .uid = remote.peer ? remote.peer->uid : kNobody,
                .request = kNoRequest,
                .host = remote.host};
}

absl::StatusOr<AdmittedCall> Callers::Admit(Rpc rpc, const grpc::ServerContextBase& context) const {
  const std::shared_ptr<const Remote> remote = RemoteOf(context);
  AdmittedCall out;
  ASSIGN_OR_RETURN(out.caller, CallerOf(context, *remote));
  RETURN_IF_ERROR(CheckRole(rpc, out.caller));
  out.place = PeerAccount::TakeCall(remote->account, kMaxCallsPerPeer);
  if (!out.place.taken()) return errors::TooManyCalls(kMaxCallsPerPeer);
  return out;
}

}  // namespace percpud
