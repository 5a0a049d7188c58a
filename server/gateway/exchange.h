// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One call on its way through the gateway, and the two sides that serve it.
//
//   peer  --request-->  PeerSession  --Exchange::request-->  DaemonSession  -->  percpud
//         <-answer----               <-Exchange::response--                 <--
//
// Each way at most kBuffer bytes wait here. HTTP/2's windows see to that: a side gives its
// sender room again only for bytes that the other side has taken.

#ifndef PERCPUD_SERVER_GATEWAY_EXCHANGE_H_
#define PERCPUD_SERVER_GATEWAY_EXCHANGE_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "server/gateway/byte_queue.h"
#include "server/gateway/field.h"

namespace percpud::gateway {

struct Exchange;

// The side of the peer, as percpud's side sees it.
class PeerSide {
 public:
  // The answer's header has come; the whole answer, if `response_complete`.
  virtual void OnResponseHead(Exchange& exchange, const Fields& head) = 0;
  // `response` has grown, or is complete with `trailers`.
  virtual void OnResponse(Exchange& exchange) = 0;
  // percpud has taken `bytes` of `request`.
  virtual void OnRequestTaken(Exchange& exchange, std::size_t bytes) = 0;
  // percpud will say no more: the peer gets `status`, unless the answer is complete.
  virtual void OnDaemonGone(Exchange& exchange, const absl::Status& status) = 0;

 protected:
  ~PeerSide() = default;
};

// The side of percpud, as the peer's side sees it.
class DaemonSide {
 public:
  // Begins the call. Errors: DaemonAway, if there is no connection to percpud.
  virtual absl::Status Open(Exchange& exchange, const Fields& head) = 0;
  // `request` has grown, or is complete.
  virtual void OnRequest(Exchange& exchange) = 0;
  // The peer has taken `bytes` of `response`.
  virtual void OnResponseTaken(Exchange& exchange, std::size_t bytes) = 0;
  // The peer wants no more of it; the exchange is not touched any more.
  virtual void Forget(Exchange& exchange) = 0;

 protected:
  ~DaemonSide() = default;
};

// The peer's side makes it and ends it. Plain data.
struct Exchange {
  static constexpr std::int32_t kNoStream = -1;

  Exchange(PeerSide& side, std::int32_t stream) : peer(side), peer_stream(stream) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Filled by the peer's side.
  PeerSide& peer;
  const std::int32_t peer_stream;
  ByteQueue request;
  bool request_complete = false;
  // Filled by percpud's side.
  std::int32_t daemon_stream = kNoStream;
  ByteQueue response;
  bool response_complete = false;
  Fields trailers;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_EXCHANGE_H_
