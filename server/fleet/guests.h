// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_GUESTS_H_
#define PERCPUD_SERVER_FLEET_GUESTS_H_

#include <poll.h>
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/base/unique_fd.h"

namespace percpud::fleet {

// The connections of a door, by user. There are kMost at once, and kMostOfUser of one user's. The
// oldest one without a call makes room for the next, and the oldest of all if each has one: its
// owner connects again when it needs to. gRPC has the connections and does not say when they end,
// so each is held here a second time. One thread.
class Guests {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMostOfUser = 16;

  // Whether a connection, by gRPC's name for it, has a call under way.
  using IsBusy = std::function<bool(const std::string& connection)>;

  explicit Guests(IsBusy is_busy) : is_busy_(std::move(is_busy)) {}

  // A connection that has just come in, and stays its owner's. Errors: what the system said.
  absl::Status Enter(int connection);
  // What is to be polled for the end of each, in `out` behind what is there.
  void Watch(std::vector<pollfd>& out) const;
  // Forgets those that are over. `polled`: what Watch has added.
  void Sweep(std::span<const pollfd> polled);

  [[nodiscard]] std::size_t size() const { return guests_.size(); }

 private:
  struct Guest {
    UniqueFd connection;
    // gRPC's.
    std::string name;
    uid_t user;
  };

  [[nodiscard]] std::size_t CountOf(uid_t user) const;
  // The user with the most connections, of equals one who has one without a call.
  [[nodiscard]] uid_t Greediest() const;
  // Ends one of that user, under gRPC's hands.
  void EndOne(uid_t user);

  const IsBusy is_busy_;
  // In the order in which they came.
  std::vector<Guest> guests_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_GUESTS_H_
