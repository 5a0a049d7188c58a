// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_PEER_SESSION_H_
#define PERCPUD_SERVER_GATEWAY_PEER_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/units.h"
#include "server/gateway/exchange.h"
#include "server/gateway/frame_budget.h"
#include "server/gateway/http2.h"
#include "server/gateway/ledger.h"
#include "server/gateway/message_meter.h"
#include "server/gateway/request_head.h"

namespace percpud::gateway {

// The HTTP/2 session of one peer, which is trusted with nothing: bytes in, bytes out, no
// socket. What it lets through to percpud's side is well formed and within the limits.
// Not thread safe.
class PeerSession final : public PeerSide {
 public:
  struct Options {
    Peer peer;
    // The largest message.
    Bytes message_limit;
    // Called when there is something to send; may be called inside Receive and Send.
    std::function<void()> has_output;
  };

  // `daemon` outlives the session, and so does `host`.
  PeerSession(Options options, DaemonSide& daemon, Host& host);
  ~PeerSession();
  PeerSession(const PeerSession&) = delete;
  PeerSession& operator=(const PeerSession&) = delete;

  // Takes what the peer sent. Errors: Flooded, or what HTTP/2 has against it. After an
  // error the peer gets what Send still has, and then the connection ends.
  absl::Status Receive(std::span<const std::uint8_t> bytes, BootTime now);
  // Appends what the peer is to get, until `out` has about `most` bytes.
  absl::Status Send(std::string& out, std::size_t most, BootTime now);
  // Ends the calls whose request, or whose reader, takes too long; asks a silent peer
  // whether it is there. False if the peer has not answered that.
  bool LookAround(BootTime now);
  // The peer is to make no more calls; those under way go on.
  void SayGoodbye();

  // This connection, or its host, has caused more than its share: what it sends has to wait.
  [[nodiscard]] bool InDebt(BootTime now) { return work_.InDebt(now) || host_.InDebt(now); }
  // The session is over, and has nothing to send.
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] std::size_t calls() const { return calls_.size(); }
  // There was a call, ever.
  [[nodiscard]] bool has_called() const { return has_called_; }

  // For percpud's side.
  void OnResponseHead(Exchange& exchange, const Fields& head) override;
  void OnResponse(Exchange& exchange) override;
  void OnRequestTaken(Exchange& exchange, std::size_t bytes) override;
  void OnDaemonGone(Exchange& exchange, const absl::Status& status) override;

 private:
  // A request from its first header field to the end of its stream.
  struct Call;

  // libnghttp2's callbacks; each gets the session.
  static int OnBeginFrame(nghttp2_session*, const nghttp2_frame_hd* head, void* self);
  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t flags, void* self);
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int OnData(nghttp2_session*, std::uint8_t flags, std::int32_t stream,
                    const std::uint8_t* bytes, std::size_t size, void* self);
  static int OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int OnStreamClosed(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self);
  static ssize_t ReadResponse(nghttp2_session*, std::int32_t stream, std::uint8_t* out,
                              std::size_t size, std::uint32_t* flags, nghttp2_data_source*,
                              void* self);
  static Http2Callbacks Callbacks();

  [[nodiscard]] Call* Find(std::int32_t stream);
  // The header is complete.
  void Begin(Call& call);
  // The request is.
  void Complete(Call& call);
  void TakeData(Call& call, std::span<const std::uint8_t> bytes);
  // Counts what the peer causes, in units of work (limits.h).
  void Charge(double work);
  // Answers a call in percpud's stead, and forgets it there.
  void Refuse(Call& call, const Fields& answer);
  void Reset(std::int32_t stream, std::uint32_t error);
  void AskWhetherThere(BootTime now);

  const Options options_;
  DaemonSide& daemon_;
  Host& host_;
  Http2Session session_;
  FrameBudget budget_;
  TokenBucket work_;
  // By stream.
  absl::flat_hash_map<std::int32_t, std::unique_ptr<Call>> calls_;
  bool has_called_ = false;
  bool flooded_ = false;
  // When bytes last came in or went out.
  BootTime now_;
  BootTime heard_at_;
  std::optional<BootTime> asked_at_;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_PEER_SESSION_H_
