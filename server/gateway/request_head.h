// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_REQUEST_HEAD_H_
#define PERCPUD_SERVER_GATEWAY_REQUEST_HEAD_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/gateway/field.h"
#include "server/gateway/methods.h"

namespace percpud::gateway {

// The peer on whose behalf a connection's calls are passed on.
struct Peer {
  // The value of kOnBehalfKey: "plain:127.0.0.1", "tls:dns:db7.example".
  std::string on_behalf;
  // The peer may be no more than this, whatever percpud's rules say.
  Role most = Role::kAnonymous;
  // The token of a session goes with its calls. It is worth something from the peer only
  // that opened the session.
  bool may_have_session = false;
};

// The header of one request: taken from the peer field by field, checked, and written anew.
// Only fields that percpud has a use for are passed on, so that nothing a peer sends can
// speak for another. Not thread safe.
class RequestHead {
 public:
  // Takes a field as it came. What is beyond the limit of a header is counted only.
  void Add(absl::string_view name, absl::string_view value);

  // The answer if the request is to be refused; empty if it may go on. Refusals: HTTP's
  // 405 and 415 where the peer does not speak gRPC; HeadersOverLimit, MethodUnknown,
  // NotOverTcp, CompressionRefused.
  [[nodiscard]] Fields Refusal(const Peer& peer) const;
  // What percpud gets. REQUIRES: Refusal is empty.
  [[nodiscard]] Fields Forwarded(const Peer& peer) const;
  // Null if percpud has no such method.
  [[nodiscard]] const Method* method() const { return FindMethod(path_); }

 private:
  [[nodiscard]] absl::Status Check(const Peer& peer) const;

  std::size_t bytes_ = 0;
  std::string http_method_;
  std::string path_;
  std::string content_type_;
  std::string encoding_;
  std::string timeout_;
  std::string user_agent_;
  std::string token_;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_REQUEST_HEAD_H_
