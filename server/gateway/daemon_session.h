// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_DAEMON_SESSION_H_
#define PERCPUD_SERVER_GATEWAY_DAEMON_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "server/gateway/exchange.h"
#include "server/gateway/http2.h"

namespace percpud::gateway {

// The HTTP/2 session with percpud, which all calls share: bytes in, bytes out, no socket.
// It may be connected and cut any number of times. Not thread safe.
class DaemonSession final : public DaemonSide {
 public:
  // `has_output` is called when there is something to send; also inside Receive and Send.
  explicit DaemonSession(std::function<void()> has_output) : has_output_(std::move(has_output)) {}
  ~DaemonSession();
  DaemonSession(const DaemonSession&) = delete;
  DaemonSession& operator=(const DaemonSession&) = delete;

  // Begins anew, on a connection that is just made. REQUIRES: is not connected.
  void Connect();
  // The connection is over: every call is told so. Not to be called inside Receive or Send.
  void Cut();
  [[nodiscard]] bool is_connected() const { return session_ != nullptr; }

  // Takes what percpud sent; appends what it is to get. Errors: what HTTP/2 has against
  // it; the connection is of no more use. REQUIRES: is connected.
  absl::Status Receive(std::span<const std::uint8_t> bytes);
  absl::Status Send(std::string& out, std::size_t most);
  // percpud has said good-bye, and nothing is left.
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] std::size_t calls() const { return calls_.size(); }

  // For the peers' sides.
  absl::Status Open(Exchange& exchange, const Fields& head) override;
  void OnRequest(Exchange& exchange) override;
  void OnResponseTaken(Exchange& exchange, std::size_t bytes) override;
  void Forget(Exchange& exchange) override;

 private:
  // A call, and what has come of its answer.
  struct Call {
    Exchange* exchange;
    // The header that is coming in.
    Fields fields;
    bool has_head = false;
  };

  // libnghttp2's callbacks; each gets the session.
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t flags, void* self);
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int OnData(nghttp2_session*, std::uint8_t flags, std::int32_t stream,
                    const std::uint8_t* bytes, std::size_t size, void* self);
  static int OnStreamClosed(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self);
  static ssize_t ReadRequest(nghttp2_session*, std::int32_t stream, std::uint8_t* out,
                             std::size_t size, std::uint32_t* flags, nghttp2_data_source*,
                             void* self);
  static Http2Callbacks Callbacks();

  [[nodiscard]] Call* Find(std::int32_t stream);
  void TakeHead(Call& call, bool is_last);

  const std::function<void()> has_output_;
  Http2Session session_;
  // By stream.
  absl::flat_hash_map<std::int32_t, std::unique_ptr<Call>> calls_;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_DAEMON_SESSION_H_
