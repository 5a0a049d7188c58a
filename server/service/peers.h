// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_PEERS_H_
#define PERCPUD_SERVER_SERVICE_PEERS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "server/base/ranked_mutex.h"
#include "server/base/units.h"

namespace percpud {

// The party that a call's costs are charged to: one user of this host, or one other
// host, with all its connections. Thread safe.
class PeerAccount {
 public:
  // A place that a call or stream of the peer takes, given up with the object.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : account_(std::move(other.account_)), counter_(std::exchange(other.counter_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(account_, other.account_);
      std::swap(counter_, other.counter_);
      return *this;
    }
    ~Place() {
      if (counter_ != nullptr) counter_->fetch_sub(1, std::memory_order_relaxed);
    }

    [[nodiscard]] bool taken() const { return counter_ != nullptr; }
    // The account that the place belongs to; null if no place was taken.
    [[nodiscard]] const std::shared_ptr<PeerAccount>& account() const { return account_; }

   private:
    friend class PeerAccount;
    Place(std::shared_ptr<PeerAccount> account, std::atomic<std::uint32_t>* counter)
        : account_(std::move(account)), counter_(counter) {}

    std::shared_ptr<PeerAccount> account_;
    std::atomic<std::uint32_t>* counter_ = nullptr;
  };

  // Takes a place for a call, or for a stream, unless as many as `limit` are taken.
  static Place TakeCall(const std::shared_ptr<PeerAccount>& account, std::uint32_t limit) {
    return Take(account, account->calls_, limit);
  }
  static Place TakeStream(const std::shared_ptr<PeerAccount>& account, std::uint32_t limit) {
    return Take(account, account->streams_, limit);
  }

  // Counts the bytes of answers that are built for the peer and not read yet (AnswerRoom).
  void AddUnread(Bytes bytes) { unread_.fetch_add(bytes.value(), std::memory_order_relaxed); }
  void RemoveUnread(Bytes bytes) { unread_.fetch_sub(bytes.value(), std::memory_order_relaxed); }
  [[nodiscard]] Bytes unread() const { return Bytes(unread_.load(std::memory_order_relaxed)); }

 private:
  static Place Take(const std::shared_ptr<PeerAccount>& account,
                    std::atomic<std::uint32_t>& counter, std::uint32_t limit) {
    if (counter.fetch_add(1, std::memory_order_relaxed) < limit) return {account, &counter};
    counter.fetch_sub(1, std::memory_order_relaxed);
    return {};
  }

  std::atomic<std::uint32_t> calls_{0};
  std::atomic<std::uint32_t> streams_{0};
  std::atomic<std::uint64_t> unread_{0};
};

// The accounts of all peers that have a connection or a call. Thread safe.
class Peers {
 public:
  // The account of the peer of that name ("uid 1000", "10.0.0.7", ""), the same one as
  // long as anybody holds it.
  std::shared_ptr<PeerAccount> AccountOf(const std::string& name);

 private:
  RankedMutex mu_{LockRank::kLeaf};
  absl::flat_hash_map<std::string, std::weak_ptr<PeerAccount>> accounts_ ABSL_GUARDED_BY(mu_);
  // At this size, accounts that nobody holds are dropped.
  std::size_t sweep_at_ ABSL_GUARDED_BY(mu_) = 64;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_PEERS_H_
