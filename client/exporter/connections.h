// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_CONNECTIONS_H_
#define PERCPUD_CLIENT_EXPORTER_CONNECTIONS_H_

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>

namespace percpud::exporter {

// What the peers of one HTTP server may cost it: how long each takes for a request and its
// answer, however little of either moves meanwhile, and how many bytes of pages they all
// leave unread. Thread safe.
class Connections {
 public:
  using Clock = std::chrono::steady_clock;
  // Prometheus gives up after 10 seconds by default.
  static constexpr std::chrono::seconds kPatience{30};
  static constexpr std::size_t kMostUnread = 256 << 20;

  Connections() = default;
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // The peer at this socket has connected, or has read an answer: the time of its next
  // request begins.
  void Begin(int socket, Clock::time_point now);
  // REQUIRES: the socket is still open.
  void End(int socket);
  // Hangs up on those whose time is over.
  void HangUpSlow(Clock::time_point now);

  // Counts a page that is to be sent. False if that would be too much; the first is not.
  [[nodiscard]] bool Hold(std::size_t bytes);
  // REQUIRES: Hold took as many.
  void Release(std::size_t bytes);

 private:
  std::mutex mutex_;
  std::map<int, Clock::time_point> since_;
  std::size_t unread_ = 0;
};

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_CONNECTIONS_H_
