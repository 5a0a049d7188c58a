// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_CALLERS_H_
#define PERCPUD_SERVER_SERVICE_CALLERS_H_

#include <grpcpp/server_context.h>

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/base/ranked_mutex.h"
#include "server/session/access/caller.h"
#include "server/session/access/policy.h"
#include "server/session/sessions.h"

namespace percpud {

// Who makes a call: the session its token stands for, else the peer of its
// connection. gRPC knows no peer of a Unix socket, but names the descriptor
// ("fd:1234") of a connection that was handed to it, and that one we asked the
// kernel about. Thread safe.
class Callers {
 public:
  // `sessions` outlives the callers.
  Callers(Sessions& sessions, AccessRules rules) : sessions_(sessions), rules_(std::move(rules)) {}

  // From now on, of connections without a session; a session keeps its role.
  void SetRules(AccessRules rules);

  // Takes a connection in before gRPC gets it, and returns the number it now
  // has. Numbers rotate, so that a late call of a closed connection is not
  // taken for one of the next.
  int Adopt(int fd);

  // Errors: TokenUnknown.
  absl::StatusOr<Caller> Of(const grpc::ServerContextBase& context) const;
  // The same, if it may call that RPC. Errors besides: RoleTooLow.
  absl::StatusOr<Caller> Admit(Rpc rpc, const grpc::ServerContextBase& context) const;
  // Who answers for a remote session that is opened by this call: the user or the host
  // at the other end; nobody if there is neither.
  [[nodiscard]] Identity OpenerOf(const grpc::ServerContextBase& context) const;

 private:
  // What is at the other end of a connection.
  struct Remote {
    std::optional<Peer> peer;
    // Of a TCP connection.
    std::string host;
  };
  [[nodiscard]] Remote RemoteOf(const grpc::ServerContextBase& context) const;

  Sessions& sessions_;
  mutable RankedMutex mu_{LockRank::kLeaf};
  AccessRules rules_ ABSL_GUARDED_BY(mu_);
  // By descriptor; an entry is replaced when its number comes round again.
  absl::flat_hash_map<int, Remote> remotes_ ABSL_GUARDED_BY(mu_);
  int next_number_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_CALLERS_H_
