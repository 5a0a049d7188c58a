// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_FLEET_FAKE_ETCD_H_
#define PERCPUD_TESTS_UNIT_FLEET_FAKE_ETCD_H_

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "server/fleet/etcd.h"

namespace percpud::fleet::testing {

// etcd's rules for one client, without etcd. Not thread safe.
class FakeEtcd final : public Etcd {
 public:
  absl::StatusOr<EtcdLease> Grant(absl::Duration ttl) override {
    if (is_away) return Away();
    leases.emplace_back(next_lease);
    return EtcdLease{.id = next_lease++, .ttl = ttl};
  }
  absl::StatusOr<absl::Duration> KeepAlive(std::int64_t lease, absl::Duration) override {
    if (is_away) return Away();
    ++kept_alive;
    return HasLease(lease) ? absl::Seconds(10) : absl::ZeroDuration();
  }
  absl::Status Revoke(std::int64_t lease) override {
    if (is_away) return Away();
    Expire(lease);
    return absl::OkStatus();
  }
  absl::StatusOr<EtcdListing> List(const std::string& prefix) override {
    if (is_away) return Away();
    EtcdListing out{.entries = {}, .cluster_id = 1, .revision = revision};
    for (const auto& [key, entry] : entries) {
      if (absl::StartsWith(key, prefix)) out.entries.push_back(entry.stored);
    }
    return out;
  }
  absl::StatusOr<std::unique_ptr<EtcdWatch>> Watch(const std::string&, std::int64_t from) override {
    if (is_away) return Away();
    watched_from.push_back(from);
    return std::make_unique<FakeWatch>(*this);
  }
  absl::StatusOr<EtcdPut> PutIf(std::int64_t mod_revision, const std::string& key,
                                const std::string& value, std::int64_t lease) override {
    if (is_away) return Away();
    const auto found = entries.find(key);
    const std::int64_t is = found == entries.end() ? 0 : found->second.stored.mod_revision;
    if (is != mod_revision) {
      EtcdPut out{.done = false, .revision = revision, .found = {}};
      if (found != entries.end()) out.found = found->second.stored;
      return out;
    }
    if (!HasLease(lease)) return absl::NotFoundError("requested lease not found");
    Write(key, value, lease);
    return EtcdPut{.done = true, .revision = revision, .found = {}};
  }
  absl::Status Put(const std::string& key, const std::string& value) override {
    if (is_away) return Away();
    Write(key, value, 0);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> Delete(const std::string& key) override {
    if (is_away) return Away();
    return entries.erase(key) > 0;
  }

  void Write(const std::string& key, const std::string& value, std::int64_t lease) {
    entries[key] = {.stored = {.key = key, .value = value, .mod_revision = ++revision},
                    .lease = lease};
    values.push_back(value);
  }
  void Expire(std::int64_t lease) {
    std::erase(leases, lease);
    std::erase_if(entries, [&](const auto& each) { return each.second.lease == lease; });
  }
  [[nodiscard]] bool HasLease(std::int64_t lease) const {
    return std::find(leases.begin(), leases.end(), lease) != leases.end();
  }

  struct Entry {
    EtcdStored stored;
    std::int64_t lease = 0;
  };
  bool is_away = false;
  std::int64_t revision = 1;
  std::int64_t next_lease = 100;
  int kept_alive = 0;
  std::vector<std::int64_t> leases;
  std::map<std::string, Entry> entries;
  // Everything that was ever written.
  std::vector<std::string> values;
  // What watches tell, in order; a watch ends when there is no more.
  std::deque<EtcdNews> news;
  std::vector<std::int64_t> watched_from;

 private:
  class FakeWatch final : public EtcdWatch {
   public:
    explicit FakeWatch(FakeEtcd& etcd) : etcd_(etcd) {}
    absl::StatusOr<EtcdNews> Next() override {
      if (etcd_.news.empty()) return absl::UnavailableError("the watch has ended");
      EtcdNews out = std::move(etcd_.news.front());
      etcd_.news.pop_front();
      return out;
    }
    void Cancel() override {}

   private:
    FakeEtcd& etcd_;
  };

  static absl::Status Away() { return absl::UnavailableError("etcd is away"); }
};

}  // namespace percpud::fleet::testing

#endif  // PERCPUD_TESTS_UNIT_FLEET_FAKE_ETCD_H_
