// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_HANDOFF_PENDING_PEERS_H_
#define PERCPUD_SERVER_HANDOFF_PENDING_PEERS_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "server/base/clock.h"
#include "server/base/identity.h"

namespace percpud {

// The connections that have not said Hello, by user and age. One user's silence never
// costs another user a place: beyond a limit, the oldest connection of the user that has
// most makes room. Each operation takes constant time, but Add at the whole door's
// limit, which looks at every user that has a place.
//
// Not thread safe.
class PendingPeers {
 public:
  using Key = std::uint64_t;
  struct Limits {
    std::size_t per_user = 64;
    std::size_t in_all = 256;
  };
  explicit PendingPeers(Limits limits) : limits_(limits) {}

  // The connection that has to go before another one of `user` can come in.
  [[nodiscard]] std::optional<Key> WhoMakesRoomFor(UserId user) const;
  // REQUIRES: nobody has to make room, and `key` is new. Deadlines rise.
  void Add(Key key, UserId user, BootTime deadline);
  // Does nothing if the key is not there.
  void Remove(Key key);

  [[nodiscard]] bool empty() const { return places_.empty(); }
  [[nodiscard]] std::size_t size() const { return places_.size(); }
  // The one that has been silent longest, and when its time ends. REQUIRES: !empty().
  [[nodiscard]] Key oldest() const {
    assert(!empty());
    return by_age_.front().key;
  }
  [[nodiscard]] BootTime next_deadline() const {
    assert(!empty());
    return by_age_.front().deadline;
  }

 private:
  struct Peer {
    Key key;
    UserId user;
    BootTime deadline;
  };
  struct Place {
    std::list<Peer>::iterator by_age;
    std::list<Key>::iterator of_user;
  };

  const Limits limits_;
  // Oldest first.
  std::list<Peer> by_age_;
  absl::flat_hash_map<UserId, std::list<Key>> by_user_;
  absl::flat_hash_map<Key, Place> places_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_PENDING_PEERS_H_
