// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/guests.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace percpud::fleet {

absl::Status Guests::Enter(int connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return errors::OsRefused("getsockopt", "a connection", errno);
  }
  if (CountOf(peer.uid) >= kMostOfUser) {
    EndOne(peer.uid);
  } else if (guests_.size() >= kMost) {
    EndOne(Greediest());
  }
  UniqueFd second(fcntl(connection, F_DUPFD_CLOEXEC, 0));
  if (!second.ok()) return errors::OsRefused("dup", "a connection", errno);
  guests_.push_back(
      {.connection = std::move(second), .name = absl::StrCat("fd:", connection), .user = peer.uid});
  return absl::OkStatus();
}

void Guests::Watch(std::vector<pollfd>& out) const {
  // The end of a connection is told whatever is asked for.
  for (const Guest& guest : guests_) {
    out.push_back({.fd = guest.connection.get(), .events = 0, .revents = 0});
  }
}

void Guests::Sweep(std::span<const pollfd> polled) {
  std::erase_if(guests_, [polled](const Guest& guest) {
    return std::any_of(polled.begin(), polled.end(), [&guest](const pollfd& each) {
      return each.fd == guest.connection.get() && each.revents != 0;
    });
  });
}

std::size_t Guests::CountOf(uid_t user) const {
  return static_cast<std::size_t>(std::count_if(
      guests_.begin(), guests_.end(), [user](const Guest& guest) { return guest.user == user; }));
}

uid_t Guests::Greediest() const {
  const auto weight = [this](const Guest& guest) {
    return std::pair(CountOf(guest.user), !is_busy_(guest.name));
  };
  return std::max_element(guests_.begin(), guests_.end(),
                          [&](const Guest& a, const Guest& b) { return weight(a) < weight(b); })
      ->user;
}

void Guests::EndOne(uid_t user) {
  const auto is_users = [user](const Guest& guest) { return guest.user == user; };
  const auto is_idle = [&](const Guest& guest) { return is_users(guest) && !is_busy_(guest.name); };
  auto one = std::find_if(guests_.begin(), guests_.end(), is_idle);
  if (one == guests_.end()) one = std::find_if(guests_.begin(), guests_.end(), is_users);
  if (one == guests_.end()) return;
  shutdown(one->connection.get(), SHUT_RDWR);
  guests_.erase(one);
}

}  // namespace percpud::fleet
