// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the agent asks of etcd. Every error is alike to it: it tries again, elsewhere.

#ifndef PERCPUD_SERVER_FLEET_ETCD_H_
#define PERCPUD_SERVER_FLEET_ETCD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace percpud::fleet {

// A key with its value.
struct EtcdStored {
  std::string key;
  std::string value;
  std::int64_t mod_revision = 0;
};

// A key that was written, or deleted: then it has no value.
struct EtcdEvent {
  EtcdStored stored;
  bool is_delete = false;
};

// All keys of a prefix at one revision.
struct EtcdListing {
  std::vector<EtcdStored> entries;
  std::uint64_t cluster_id = 0;
  std::int64_t revision = 0;
};

// What one message of a watch says.
struct EtcdNews {
  std::vector<EtcdEvent> events;
  std::uint64_t cluster_id = 0;
  std::int64_t revision = 0;
};

struct EtcdLease {
  std::int64_t id = 0;
  // What etcd has granted, which may be longer than what was asked for.
  absl::Duration ttl;
};

// The outcome of a conditional put.
struct EtcdPut {
  bool done = false;
  // etcd's, after it.
  std::int64_t revision = 0;
  // What is at the key instead, if it was not done; empty if nothing is.
  std::optional<EtcdStored> found;
};

// A watch under way.
class EtcdWatch {
 public:
  virtual ~EtcdWatch() = default;
  // Waits for news. An error ends the watch.
  virtual absl::StatusOr<EtcdNews> Next() = 0;
  // Has Next end with an error, now or when it is called. Thread safe.
  virtual void Cancel() = 0;
};

// Thread safe.
class Etcd {
 public:
  virtual ~Etcd() = default;

  virtual absl::StatusOr<EtcdLease> Grant(absl::Duration ttl) = 0;
  // Returns how long the lease lives from now on; zero if it is no more.
  virtual absl::StatusOr<absl::Duration> KeepAlive(std::int64_t lease, absl::Duration patience) = 0;
  virtual absl::Status Revoke(std::int64_t lease) = 0;

  virtual absl::StatusOr<EtcdListing> List(const std::string& prefix) = 0;
  // Follows all keys of a prefix from that revision on.
  virtual absl::StatusOr<std::unique_ptr<EtcdWatch>> Watch(const std::string& prefix,
                                                           std::int64_t revision) = 0;

  // Puts if the key was last written at `mod_revision`; 0: if it is not there.
  virtual absl::StatusOr<EtcdPut> PutIf(std::int64_t mod_revision, const std::string& key,
                                        const std::string& value, std::int64_t lease) = 0;
  // Puts, without a lease, whatever is there.
  virtual absl::Status Put(const std::string& key, const std::string& value) = 0;
  // Returns whether the key was there.
  virtual absl::StatusOr<bool> Delete(const std::string& key) = 0;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_ETCD_H_
