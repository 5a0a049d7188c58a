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
#include "absl/strings/strip.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/errors.h"
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
  Remote remote{.peer = AskPeer(fd), .host = HostOf(fd)};
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

Callers::Remote Callers::RemoteOf(const grpc::ServerContextBase& context) const {
  const std::string name = context.peer();
  absl::string_view number = name;
  int fd = 0;
  if (!absl::ConsumePrefix(&number, "fd:") || !absl::SimpleAtoi(number, &fd)) return {};
  RankedLock lock(&mu_);
  const auto remote = remotes_.find(fd);
  return remote == remotes_.end() ? Remote{} : remote->second;
}

Identity Callers::OpenerOf(const grpc::ServerContextBase& context) const {
  const Remote remote = RemoteOf(context);
  return {.uid = remote.peer ? remote.peer->uid : kNobody, .host = remote.host};
}

absl::StatusOr<Caller> Callers::Of(const grpc::ServerContextBase& context) const {
  const auto& metadata = context.client_metadata();
  if (const auto entry = metadata.find(abi::v1::kTokenKey); entry != metadata.end()) {
    Token token{};
    if (entry->second.size() != token.size()) return errors::TokenUnknown();
    std::copy(entry->second.begin(), entry->second.end(), token.begin());
    const std::optional<Caller> caller = sessions_.Find(token);
    if (!caller) return errors::TokenUnknown();
    return *caller;
  }
  const Remote remote = RemoteOf(context);
  RankedLock lock(&mu_);
  return Caller{.role = rules_.RoleOf(remote.peer),
                .session = kNoSession,
                .uid = remote.peer ? remote.peer->uid : kNobody,
                .request = kNoRequest,
                .host = remote.host};
}

absl::StatusOr<Caller> Callers::Admit(Rpc rpc, const grpc::ServerContextBase& context) const {
  absl::StatusOr<Caller> caller = Of(context);
  if (!caller.ok()) return caller;
  if (absl::Status status = CheckRole(rpc, *caller); !status.ok()) return status;
  return caller;
}

}  // namespace percpud
