// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_TRANSPORT_H_
#define PERCPUD_SERVER_GATEWAY_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "server/base/unique_fd.h"
#include "server/gateway/request_head.h"

namespace percpud::gateway {

// What came of reading or writing.
struct Transfer {
  enum class End : std::uint8_t {
    // Bytes went over, at least one.
    kDone,
    // Nothing just now.
    kBlocked,
    // The connection is over.
    kClosed,
  };
  End end;
  std::size_t bytes = 0;
};

// The bytes of one connection, whatever they travel in. Never waits.
class Transport {
 public:
  virtual ~Transport() = default;
  [[nodiscard]] virtual int fd() const = 0;
  virtual Transfer Read(std::span<std::uint8_t> out) = 0;
  virtual Transfer Write(std::span<const std::uint8_t> bytes) = 0;
  // Whether what vouched for the peer at the beginning still does, and its time is not over.
  [[nodiscard]] virtual bool IsPeerGood() { return true; }
};

// A socket without anything on top: TCP in plain text, or the connection to percpud.
class PlainTransport final : public Transport {
 public:
  // Takes a connected, non-blocking socket.
  explicit PlainTransport(UniqueFd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] int fd() const override { return fd_.get(); }
  Transfer Read(std::span<std::uint8_t> out) override;
  Transfer Write(std::span<const std::uint8_t> bytes) override;

 private:
  UniqueFd fd_;
};

// The host at the other end of a TCP connection, as a number. A user of this host may have
// any address of 127.0.0.0/8, and all of them are 127.0.0.1 here. nullopt if it is gone.
std::optional<std::string> HostAt(int fd);

// The peer at the other end of a plain connection of that host. Nothing vouches for it, and
// it is never more than a viewer.
Peer PlainPeer(const std::string& host);

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_TRANSPORT_H_
