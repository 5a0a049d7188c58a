// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_CALLERS_H_
#define PERCPUD_SERVER_SERVICE_CALLERS_H_

#include <grpcpp/server_context.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/base/fd_numbers.h"
#include "server/base/ranked_mutex.h"
#include "server/base/slow_lane.h"
#include "server/service/peers.h"
#include "server/session/access/caller.h"
#include "server/session/access/certificate_rules.h"
#include "server/session/access/exports.h"
#include "server/session/access/policy.h"
#include "server/session/sessions.h"

namespace percpud {

// A caller that may make its call, and the place that the call takes among its peer's.
struct AdmittedCall {
  Caller caller;
  PeerAccount::Place place;

  // The party that takes turns for it on the slow lanes.
  [[nodiscard]] SlowLane::Payer payer() const { return place.account().get(); }
};

// Where a connection came in.
enum class Origin : std::uint8_t {
  // At a socket for everybody: the kernel says who is at its other end.
  kAnybody,
  // From percpud-gateway, over a socket that nobody else has: it says in each call's metadata
  // on whose behalf it passes the call on (abi::v1::kOnBehalfKey).
  kGateway,
};

// Who makes a call: the session its token stands for, else the peer of its
// connection, else the one on whose behalf the gateway passes it on. gRPC knows no peer of
// a Unix socket, but names the descriptor ("fd:1234") of a connection that was handed to
// it, and that one we asked the kernel about. A token is worth something only from the user,
// or the certificate's owner, to whom it was given. Thread safe.
class Callers {
 public:
  // `sessions` outlives the callers.
  Callers(Sessions& sessions, AccessRules rules, CertificateRules certificates = {},
          ExportRules exports = {})
      : sessions_(sessions),
        exports_(std::move(exports)),
        rules_(std::move(rules)),
        certificates_(std::move(certificates)) {}

  // Sets the rules for connections without a session, which keeps its role; and what leaves the
  // host, for all.
  void SetRules(AccessRules rules, CertificateRules certificates = {}, ExportRules exports = {});

  // Takes a connection in before gRPC gets it, and returns the number it now
  // has. Numbers rotate, so that a late call of a closed connection is not
  // taken for one of the next.
  int Adopt(int fd, Origin origin = Origin::kAnybody);

  // Errors: TokenUnknown, OnlyTheGateway, PeerNotNamed.
  absl::StatusOr<Caller> Of(const grpc::ServerContextBase& context) const;
  // The same, if it may call that RPC now. Every call of every service comes through
  // here. Errors besides: RoleTooLow; TooManyCalls, of the peer's. A peer of the gateway's is
  // counted as one, and never the gateway.
  absl::StatusOr<AdmittedCall> Admit(Rpc rpc, const grpc::ServerContextBase& context) const;
  // Where calls are counted when they have ended.
  [[nodiscard]] CallStats& stats() const { return sessions_.call_stats(); }
  // What those who come by TLS may read.
  [[nodiscard]] const Exports& exports() const { return exports_; }

 private:
  // The other end of a connection, or whom the gateway names.
  struct Remote {
    // What vouches for it.
    enum class Proof : std::uint8_t {
      // The kernel, if it has a peer; else nothing.
      kKernel,
      // Nothing: it came by plain TCP.
      kNone,
      // Its certificate. TLS without one proves nothing either.
      kCertificate,
      kNoCertificate,
    };
    std::optional<Peer> peer;
    // The host of a peer over TCP, or what its certificate says; else empty.
    std::string host;
    Proof proof = Proof::kKernel;
    std::shared_ptr<PeerAccount> account;
    Origin origin = Origin::kAnybody;
  };
  // Reads whom the gateway names: "plain:127.0.0.1", "tls:dns:db7.example". nullopt for anything
  // else.
  static std::optional<Remote> ReadNamed(absl::string_view value);
  // Whether a token that was given to `owner` is worth something from there.
  static bool MayUseTokenOf(const Caller& owner, const Remote& remote);
  [[nodiscard]] Role RoleOf(const Remote& remote) const;
  // The name under which a quota counts a connection: "uid 1000" or the host.
  static std::string NameOf(const Remote& remote);
  // What is at the other end of the call's connection.
  [[nodiscard]] std::shared_ptr<const Remote> RemoteOf(
      const grpc::ServerContextBase& context) const;
  // The same, or the peer that the gateway names.
  absl::StatusOr<std::shared_ptr<const Remote>> PeerOf(
      const grpc::ServerContextBase& context) const;
  absl::StatusOr<Caller> CallerOf(const grpc::ServerContextBase& context,
                                  const Remote& remote) const;

  Sessions& sessions_;
  Exports exports_;
  mutable Peers peers_;
  // Where calls come from that come over no connection of ours.
  const std::shared_ptr<const Remote> nowhere_ = std::make_shared<const Remote>(
      Remote{.peer = {}, .host = {}, .account = peers_.AccountOf({})});
  mutable RankedMutex mu_{LockRank::kLeaf};
  AccessRules rules_ ABSL_GUARDED_BY(mu_);
  CertificateRules certificates_ ABSL_GUARDED_BY(mu_);
  // By descriptor; an entry is replaced when its number comes round again.
  absl::flat_hash_map<int, std::shared_ptr<const Remote>> remotes_ ABSL_GUARDED_BY(mu_);
  FdNumbers numbers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_CALLERS_H_
