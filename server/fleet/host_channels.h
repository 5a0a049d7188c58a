// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_HOST_CHANNELS_H_
#define PERCPUD_SERVER_FLEET_HOST_CHANNELS_H_

#include <grpcpp/channel.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpud/fleet/v1/fleet.pb.h"
#include "server/base/clock.h"
#include "server/base/ranked_mutex.h"
#include "server/fleet/certificate.h"

namespace percpud::fleet {

// Channels to the percpud of each host: the own one by its Unix socket, the others by TLS. One is
// made when it is first asked for, and kept as long as it is. Thread safe.
class HostChannels {
 public:
  struct Options {
    // What other hosts are shown, and who vouches for them.
    CertificateFiles files;
    // What tells the own host's record: another host may write the incarnation into its own.
    std::string own_name;
    std::string own_incarnation;
    // The own percpud, unix:PATH.
    std::string own_address;
  };
  // One that nobody asks for is closed.
  static constexpr absl::Duration kIdle = absl::Minutes(10);

  // Addresses of a record that are tried.
  static constexpr std::size_t kMostWays = 8;

  // `clock` outlives it. Files that are bad are no error: there is no channel over TLS until
  // they are mended.
  HostChannels(Options options, const Clock& clock);

  // How many ways there are to the host.
  [[nodiscard]] std::size_t CountWays(const v1::Host& host) const;
  // The channel of a way, the best is 0. Errors: what is wrong with the certificate, if there has
  // been no good one yet; FAILED_PRECONDITION for an address that is not TLS's.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> To(const v1::Host& host, std::size_t way);
  // The way has failed, and the next call makes another channel: one that has failed pauses by
  // gRPC's timers.
  void Failed(const v1::Host& host, std::size_t way);

  // Takes new certificates, if the files have others, and says whether they had: calls under way
  // go on over the old ones. Closes what is idle. To be called now and then.
  bool Reload();
  // What is wrong with the files just now; OK if nothing is.
  [[nodiscard]] absl::Status certificate_problem() const;

 private:
  // An address, and whose certificate is there.
  struct Place {
    std::string address;
    std::string server_name;
    // No record leads to a Unix socket.
    bool is_own = false;

    bool operator<(const Place& other) const {
      return std::tie(address, server_name, is_own) <
             std::tie(other.address, other.server_name, other.is_own);
    }
  };
  struct Open {
    std::shared_ptr<grpc::Channel> channel;
    BootTime used_at;
  };

  [[nodiscard]] bool IsOwn(const v1::Host& host) const;
  [[nodiscard]] Place PlaceOf(const v1::Host& host, std::size_t way) const;
  [[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const Place& place) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const Clock& clock_;
  mutable RankedMutex mutex_{LockRank::kLeaf};
  std::map<Place, Open> open_ ABSL_GUARDED_BY(mutex_);
  Certificate certificate_ ABSL_GUARDED_BY(mutex_);
  bool has_certificate_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status problem_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_HOST_CHANNELS_H_
