// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_DAEMON_LINK_H_
#define PERCPUD_SERVER_GATEWAY_DAEMON_LINK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/unique_fd.h"
#include "server/gateway/daemon_session.h"
#include "server/gateway/event_loop.h"
#include "server/gateway/transport.h"

namespace percpud::gateway {

// The one connection to percpud: given by the percpud that started this process, or made
// to a socket's path, again and again. One thread.
class DaemonLink final : public Waiter {
 public:
  // `path`: where to connect; empty if connections are given only.
  DaemonLink(EventLoop& loop, std::string path);
  ~DaemonLink();
  DaemonLink(const DaemonLink&) = delete;
  DaemonLink& operator=(const DaemonLink&) = delete;

  // Goes on over a connected socket. Errors: what the system said.
  absl::Status Adopt(UniqueFd fd);
  void OnReady(std::uint32_t events) override;
  // Sends what there is, as far as the socket takes it.
  void Flush();
  // Tries to connect, if it is time to.
  void LookAround(BootTime now);

  [[nodiscard]] DaemonSession& session() { return session_; }
  [[nodiscard]] bool is_connected() const { return session_.is_connected(); }
  // There is no connection, and there will be none.
  [[nodiscard]] bool is_over() const { return !is_connected() && path_.empty(); }

 private:
  static constexpr absl::Duration kRetry = absl::Milliseconds(500);
  static constexpr std::size_t kRead = 64 << 10;

  // False if the connection is over.
  bool Read();
  bool Write();
  void Lose();
  void Connect();

  EventLoop& loop_;
  const std::string path_;
  DaemonSession session_;
  std::unique_ptr<Transport> transport_;
  std::vector<std::uint8_t> input_ = std::vector<std::uint8_t>(kRead);
  std::string output_;
  bool has_output_ = false;
  BootTime try_at_ = BootTime::InfinitePast();
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_DAEMON_LINK_H_
