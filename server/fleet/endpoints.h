// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_ENDPOINTS_H_
#define PERCPUD_SERVER_FLEET_ENDPOINTS_H_

#include <grpcpp/channel.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/ranked_mutex.h"
#include "server/fleet/certificate.h"

namespace percpud::fleet {

// One channel for each member of etcd. One is in use, until it fails: then it is the next
// one's turn. Thread safe.
class Endpoints {
 public:
  struct Options {
    // "https://HOST:PORT", or "http://HOST:PORT" for plain text.
    std::vector<std::string> urls;
    CertificateFiles files;
    // The name that the members' certificates have instead of their hosts'; usually empty.
    std::string server_name;
  };
  // A channel, and which it is.
  struct Member {
    std::size_t index = 0;
    std::shared_ptr<grpc::Channel> channel;
  };

  // Errors: INVALID_ARGUMENT, naming the URL. Files that are bad are none: there is no channel
  // over TLS until they are mended.
  static absl::StatusOr<std::unique_ptr<Endpoints>> Create(Options options);

  // The member in use. Errors: what is wrong with the certificate, if there has been no good
  // one yet.
  [[nodiscard]] absl::StatusOr<Member> Current() const;
  // The member `index` has failed: it gets another channel, and it is the next one's turn, unless
  // that has happened already.
  void Failed(std::size_t index);
  // Takes new certificates, if the files have others, and says whether they had; what is open
  // stays. To be called now and then.
  bool Reload();

  // The URL in use.
  [[nodiscard]] std::string url() const;
  // What is wrong with the files just now; OK if nothing is.
  [[nodiscard]] absl::Status certificate_problem() const;

 private:
  struct Target {
    std::string address;
    bool is_tls = false;
  };

  Endpoints(Options options, std::vector<Target> targets);
  static absl::StatusOr<Target> ParseUrl(const std::string& url);
  void Connect(const Certificate& certificate) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] std::shared_ptr<grpc::Channel> ConnectTo(const Target& target,
                                                         const Certificate& certificate) const;

  const Options options_;
  const std::vector<Target> targets_;
  mutable RankedMutex mutex_{LockRank::kLeaf};
  std::size_t current_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::shared_ptr<grpc::Channel>> channels_ ABSL_GUARDED_BY(mutex_);
  Certificate certificate_ ABSL_GUARDED_BY(mutex_);
  absl::Status problem_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_ENDPOINTS_H_
